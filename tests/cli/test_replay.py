"""truefrom replay: what enforcement would have done to mailboxes."""

import hashlib
import json
import mailbox
import os
import re

import jsonschema
import pytest

from nameserver import dead_nameserver, nameserver, on_terminal
from tool import TOP, program, truefrom, write_config
from zones import BAD, GOOD, ZONE

with open(f"{TOP}/doc/truefrom-replay.schema.json", encoding="utf-8") as _file:
    SCHEMA = json.load(_file)


@pytest.fixture(scope="module")
def dns(tmp_path_factory):
    with nameserver(tmp_path_factory.mktemp("dns"), ZONE) as address:
        yield address


@pytest.fixture
def replay(dns, tmp_path):
    def run(*arguments, milter="", top="", nameserver_at=dns):
        return truefrom("-c", write_config(tmp_path, top=top, milter=milter), "replay", "--nameserver",
                        nameserver_at, *arguments)
    return run


@pytest.fixture
def data(replay):
    """The same as JSON, which must be as the schema says and fit the exit status."""
    def run(*arguments, **options):
        done = replay("--json", *arguments, **options)
        assert done.stderr == ""
        found = json.loads(done.stdout)
        jsonschema.validate(found, SCHEMA)
        would_be = found["would_be"]
        bad = would_be["reject"] + would_be["hold"]
        assert done.returncode == (1 if bad else 75 if would_be["tempfail"] else 0)
        assert len(found["messages"]) == bad + would_be["tempfail"]
        assert sum(would_be.values()) == found["totals"]["evaluated"]
        return found
    return run


def stored(sender, client=GOOD, envelope="u@honest.test", number=0, fields=""):
    """A message as Postfix stores it; `sender` is the From field's body."""
    return (f"Return-Path: <{envelope}>\nReceived: from client.test (unknown [{client}])\n"
            f"\tby mx.lab.test (Postfix) with ESMTP id {number:04X}\n{fields}From: {sender}\n"
            f"Date: Mon, 23 Nov 2026 10:00:00 +0000\nMessage-ID: <{number}@test>\n\nHello.\n").encode()


HONEST = stored("a@honest.test")
SPOOFED = stored("a@reject.test", BAD, "x@evil.test")
QUARANTINED = stored("a@quarantine.test", BAD, "x@evil.test")


def maildir(path, messages=(), **subfolders):
    """A Maildir with these messages, in this order of names; and Maildir++ folders in it."""
    for folder in ("cur", "new", "tmp"):
        os.makedirs(f"{path}/{folder}")
    for number, message in enumerate(messages):
        folder = "cur" if number % 2 else "new"
        with open(f"{path}/{folder}/{number:06}.host:2,S", "wb") as file:
            file.write(message)
    for name, content in subfolders.items():
        maildir(f"{path}/.{name}", content)
    return path


def mbox(path, messages):
    """As a mail program writes it."""
    box = mailbox.mbox(path)
    for message in messages:
        box.add(message)
    box.close()
    return path


# --- what is counted ---------------------------------------------------------------------------


def test_nothing_to_fear_is_0(replay, tmp_path):
    done = replay(maildir(tmp_path / "m", [HONEST, HONEST]))
    assert (done.returncode, done.stderr) == (0, "")
    assert "as if RejectFailures were on, with the DNS of now" in done.stdout
    assert re.search(r"^ +2 messages\n +2 evaluated, of which would be\n +2 accepted\n +0 rejected\n"
                     r" +0 held\n", done.stdout, re.M), done.stdout
    assert "AUTHOR DOMAIN" not in done.stdout


def test_a_table_of_author_domains_with_an_example(replay, tmp_path):
    path = maildir(tmp_path / "m", [HONEST, SPOOFED, QUARANTINED, stored("b@reject.test", BAD, number=7),
                                    stored("b@reject.test", envelope="u@reject.test")])
    done = replay(path)
    assert done.returncode == 1
    table = done.stdout[done.stdout.index("AUTHOR DOMAIN"):]
    assert re.search(r"^reject\.test +2 +0 +0 +1$", table, re.M), table
    assert re.search(r"^quarantine\.test +0 +1 +0 +0$", table, re.M)
    assert table.index("\nreject.test") < table.index("\nquarantine.test")
    assert f"{path}/cur/000001.host:2,S" in table
    assert f"client={BAD} sender=x@evil.test spf=pass/evil.test dkim=none" in table
    assert "reject: no aligned identifier passed" in table
    assert "<7@test>" not in table and "<7@test>" in replay("--list", path).stdout


def test_maildir_subfolders_and_mbox_count(data, tmp_path):
    box = maildir(tmp_path / "m", [HONEST], Junk=[SPOOFED, HONEST], Empty=[])
    os.mkdir(f"{box}/.program")
    with open(f"{box}/.settings", "w", encoding="ascii") as file:
        file.write("x")
    found = data(box, mbox(tmp_path / "mbox", [HONEST, SPOOFED, QUARANTINED]))
    assert found["totals"]["messages"] == 6 and found["totals"]["evaluated"] == 6
    assert found["would_be"] == {"reject": 2, "hold": 1, "tempfail": 0, "accept": 3}
    assert [message["file"].rsplit("/", 3)[-3:] for message in found["messages"][:1]] == \
        [[".Junk", "new", "000000.host:2,S"]]
    with open(tmp_path / "mbox", "rb") as file:
        for message in found["messages"][1:]:
            file.seek(message["offset"])
            assert file.read(5) == b"From "


def test_mbox_is_split_at_separators_only(data, tmp_path):
    date = "Mon Nov 23 10:00:00 2026\n"
    body = ("From here on\n\nFrom me to you\n\n>From x@y " + date + "\nText\nFrom x@y " + date)
    text = "".join(f"From u@honest.test {date}{HONEST.decode()}{body}\n" for _ in range(3))
    path = tmp_path / "mbox"
    for content in (text, text.replace("\n", "\r\n"), text.rstrip("\n")):
        path.write_bytes(content.encode())
        assert data(path)["totals"] == {"messages": 3, "evaluated": 3, "ignored": 0, "no_envelope": 0,
                                        "unreadable": 0, "believed": 0}
    path.write_bytes(b"")
    assert data(path)["totals"]["messages"] == 0


def test_an_mbox_of_long_lines_is_split_across_reads(data, tmp_path):
    date = "Mon Nov 23 10:00:00 2026\n"
    for size in (65500, 65536, 200000):
        path = tmp_path / "mbox"
        path.write_bytes(b"".join(b"From u@honest.test " + date.encode() + HONEST + b"x" * (size - i)
                                  + b"\n\n" for i in range(8)))
        assert data(path)["totals"]["evaluated"] == 8


def test_what_is_not_evaluated_is_told(data, replay, tmp_path):
    own = b"From: me@reject.test\nMessage-ID: <draft>\n\n"
    inside = stored("a@reject.test", "203.0.113.5", "x@evil.test")
    login = stored("a@reject.test", BAD, "x@evil.test").replace(b"with ESMTP ", b"with ESMTPSA ")
    huge = b"A: " + b"x" * (5 << 20)
    box = maildir(tmp_path / "m", [own, inside, login, huge, HONEST, b""])
    os.symlink("/etc/passwd", f"{box}/cur/link")
    os.mkfifo(f"{box}/cur/fifo")
    os.mkdir(f"{box}/cur/folder")
    hosts = tmp_path / "ignore.hosts"
    hosts.write_text("203.0.113.5\n", encoding="ascii")
    top = f'IgnoreHosts = "{hosts}";'
    assert data(box, top=top)["totals"] == {"messages": 8, "evaluated": 1, "ignored": 2,
                                            "no_envelope": 2, "unreadable": 3, "believed": 0}
    text = replay(box, top=top).stdout
    assert "2 ignored: " in text and "2 not evaluated: client" in text
    assert "3 not evaluated: cannot be read" in text


def test_dkim_is_believed_as_the_milter_believes_it(data, replay, tmp_path):
    def signed(name):
        return stored("a@reject.test", BAD, "x@evil.test",
                      fields=f"Authentication-Results: {name}; dkim=pass header.d=reject.test\n")
    box = maildir(tmp_path / "m", [signed("mx.lab.test"), signed("other.test")])
    found = data(box)
    assert found["would_be"]["reject"] == 1 and found["totals"]["believed"] == 1
    assert data(box, top='TrustedAuthservIDs = ( "other.test", "MX.lab.test" );')["would_be"]["reject"] == 0
    warning = "No message has a believed Authentication-Results field"
    assert warning not in replay(box).stdout
    assert warning in replay(box, top='TrustedAuthservIDs = ( "nobody.test" );').stdout


def test_configured_actions_hold(data, tmp_path):
    box = maildir(tmp_path / "m", [HONEST, SPOOFED, QUARANTINED])
    found = data(box, milter='RejectAction = "hold"; QuarantineAction = "accept";')
    assert found["would_be"] == {"reject": 0, "hold": 1, "tempfail": 0, "accept": 2}
    two = stored("a@honest.test", fields="Subject: a\nSubject: b\n")
    found = data(maildir(tmp_path / "n", [two]), milter="RequiredHeaders = true;")
    assert found["messages"][0]["reason"] == "multiple Subject fields"


def test_overrides_spare_a_list_and_a_recipient(data, tmp_path):
    lists = "List-Id: Talk <talk.lists.test>\n"
    folder = maildir(tmp_path / "m", [
        SPOOFED, stored("a@reject.test", BAD, "x@evil.test", 1, lists),
        stored("a@reject.test", GOOD, "x@evil.test", 2, lists),
        stored("a@reject.test", BAD, "x@evil.test", 3, "X-Original-To: u@soft.test\nDelivered-To: u@h.test\n")])
    milter = f'''Overrides = ({{ ListId = "talk.lists.test"; Client = "{GOOD}"; Action = "annotate"; }},
        {{ RecipientDomain = "soft.test"; Action = "quarantine"; }});'''
    would_be = data(folder, milter=milter)["would_be"]
    assert (would_be["reject"], would_be["hold"], would_be["accept"]) == (2, 1, 1)


def test_dns_trouble_is_75(data, tmp_path):
    found = data(maildir(tmp_path / "m", [HONEST]), nameserver_at=dead_nameserver())
    assert found["would_be"]["tempfail"] == 1 and found["messages"][0]["action"] == "tempfail"


# --- how it behaves ----------------------------------------------------------------------------


def test_the_outcome_is_the_same_with_any_number_of_jobs(replay, tmp_path):
    kinds = [HONEST, SPOOFED, QUARANTINED]
    box = maildir(tmp_path / "m", [kinds[number % 3].replace(b"<0@", b"<%d@" % number)
                                   for number in range(300)])
    texts = {replay("--list", "--jobs", jobs, box).stdout for jobs in (1, 8, 64)}
    assert len(texts) == 1
    found = json.loads(replay("--json", "--jobs", 8, box).stdout)
    files = [message["file"] for message in found["messages"]]
    assert files == sorted(files, key=lambda path: (path.split("/")[-2], path)) and len(files) == 200


def test_mailboxes_stay_as_they_are(replay, tmp_path):
    box = maildir(tmp_path / "m", [HONEST, SPOOFED])
    mbox(tmp_path / "mbox", [HONEST])

    def state():
        found = {}
        for folder, _, files in os.walk(tmp_path):
            for name in files:
                path = f"{folder}/{name}"
                status = os.stat(path)
                if not name.endswith(".conf"):
                    with open(path, "rb") as file:
                        content = hashlib.sha256(file.read()).hexdigest()
                    os.utime(path, ns=(1, status.st_mtime_ns))
                    found[path] = (status.st_mtime_ns, status.st_size, content)
        return found
    before = state()
    replay(box, tmp_path / "mbox")
    for path in before:
        assert os.stat(path).st_atime_ns == 1
    assert state() == before


def test_usage_is_64(replay):
    for arguments in ([], ["--jobs", "0", "x"], ["--jobs", "65", "x"], ["--jobs", "-1", "x"],
                      ["--jobs", "3x", "x"], ["--no-such-option", "x"], ["--nameserver", "x", "x"]):
        done = replay(*arguments)
        assert done.returncode == 64 and done.stdout == "", arguments
        assert done.stderr != ""
    done = truefrom("replay", "-h")
    assert done.returncode == 0 and "FOLDER" in done.stdout


def test_what_is_no_mailbox_is_66(replay, tmp_path):
    text = tmp_path / "text"
    text.write_text("no mailbox\n", encoding="ascii")
    os.mkdir(tmp_path / "folder")
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "missing", text, tmp_path / "folder", tmp_path / "fifo"):
        done = replay(maildir(tmp_path / f"m{path.name}", [HONEST]), path)
        assert done.returncode == 66 and str(path) in done.stderr and done.stdout == ""


def test_configuration_errors_are_78(replay):
    assert replay("x", top="Nonsense = 1;").returncode == 78


def test_hostile_bytes_are_escaped(replay, tmp_path):
    hostile = SPOOFED.replace(b"<0@test>", b"<\033]0;owned\007\x9b>").replace(b"x@evil", b"\033[1m@evil")
    for more in ([], ["--json"]):
        text = replay(*more, maildir(tmp_path / f"m\033[31m{len(more)}", [hostile])).stdout
        assert all(c == "\n" or " " <= c <= "~" for c in text)
        assert "\\027]0;owned\\007\\155" in text.replace("\\\\", "\\")


def test_progress_is_shown_on_a_terminal_only(replay, dns, tmp_path):
    box = maildir(tmp_path / "m", [HONEST] * 50)
    argv = [program("truefrom"), "-c", write_config(tmp_path), "replay", "--nameserver", dns, str(box)]
    text, status = on_terminal(argv, ["stderr"], dict(os.environ))
    assert status == 0 and re.search(r"\d+ % \[[#.]+\] \d+ of 50", text)
    assert text.endswith("\r\033[K")
    assert replay(box).stderr == ""
