"""truefrom check: each question, each decision, each exit status."""

import json
import os
import re

import jsonschema
import pytest

from nameserver import dead_nameserver, nameserver, on_terminal
from tool import TOP, program, truefrom, write_config
from zones import BAD, GOOD, GOOD6, ZONE

with open(f"{TOP}/doc/truefrom-check.schema.json", encoding="utf-8") as _file:
    SCHEMA = json.load(_file)

NONCONFORMING = "550 5.7.1 message does not conform to RFC 5322: "
HOSTILE = {
    "hostile.test": {"TXT": r"v=spf1 \027[31m\027]0;owned\007 \200\\ -all"},
    "_dmarc.hostile.test": {"TXT": r"v=DMARC1; p=reject; x=\027[2J\010"},
    "many.test": {"TXT": "v=spf1 " + " ".join(f"include:i{n}.test" for n in range(12)) + " -all"},
    **{f"i{n}.test": {"TXT": "v=spf1 ip4:203.0.113.1"} for n in range(12)},
    "mx.test": {"TXT": "v=spf1 mx a:mx6.test -all", "MX": "10 client.test."},
    "mx6.test": {"AAAA": GOOD6, "A": "203.0.113.2"},
    "twice.test": {"TXT": ["v=spf1 -all", "v=spf1 +all"]},
    "_dmarc.noprefix.test": {"TXT": "v=DMARC1; rua=mailto:a@noprefix.test"},
}


@pytest.fixture(scope="module")
def dns(tmp_path_factory):
    with nameserver(tmp_path_factory.mktemp("dns"), {**ZONE, **HOSTILE}) as address:
        yield address


@pytest.fixture
def check(dns, tmp_path):
    """Runs it with this configuration, and these options in place of an honest message's."""
    def run(*more, milter="", top="", config=None, nameserver_at=dns, **options):
        path = config or write_config(tmp_path, top=top, milter=milter)
        envelope = {"client": GOOD, "helo": "client.test", "sender": "u@honest.test",
                    "from": "honest.test"}
        if "message" in options:
            envelope = {}
        envelope.update({key.replace("from_", "from").replace("_", "-"): value
                         for key, value in options.items()})
        arguments = [f"--{key}={value}" for key, value in envelope.items() if value is not None]
        return truefrom("-c", path, "check", "--nameserver", nameserver_at, *arguments, *more)
    return run


@pytest.fixture
def data(check):
    """The same as JSON, which must be as the schema says."""
    def run(*more, **options):
        done = check("--json", *more, **options)
        assert done.stderr == ""
        found = json.loads(done.stdout)
        jsonschema.validate(found, SCHEMA)
        expected = {"pass": 0, "none": 0, "fail": 1, "permerror": 1, "temperror": 75}
        assert done.returncode == expected[found["result"]]
        return found
    return run


# --- results and exit statuses -----------------------------------------------------------------


def test_pass_is_0_and_shows_questions_and_decisions(check):
    done = check()
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"  +", "  ", done.stdout)
    assert re.search(r'DNS  TXT  honest\.test  -> "v=spf1 ip4:192\.0\.2\.10 [^"]*"  \(\d+\.\d ms\)', text)
    assert 'DNS  TXT  _dmarc.honest.test  -> "v=DMARC1; p=reject"' in text
    assert "result  pass: the record allows the client" in text
    assert "record  _dmarc.honest.test (the author domain's own)" in text
    assert "policy  reject (tag p)" in text
    assert "SPF  pass honest.test, aligned (relaxed)" in text
    assert "result  pass for honest.test: an aligned identifier passed" in text


def test_none_is_0(check):
    done = check(sender="u@nopolicy.test", from_="nopolicy.test")
    assert done.returncode == 0 and "none for nopolicy.test: no policy record applies" in done.stdout


def test_fail_is_1_and_tells_what_enforcement_would_do(check):
    done = check(client=BAD, sender="x@evil.test", from_="a@reject.test")
    assert done.returncode == 1
    assert re.search(r"not enforced +accept \(RejectFailures is off\)", done.stdout)
    assert re.search(r"if enforced +reject: 550 5\.7\.1 rejected by DMARC policy for reject\.test",
                     done.stdout)


def test_permerror_is_1(data):
    found = data(from_="strange2.test", sender="u@strange2.test")
    assert found["result"] == "permerror" and found["configured"]["action"] == "accept"
    assert data(from_="nobody")["author_domain"] == "nobody"
    assert data(from_="@")["result"] == "permerror"


def test_temperror_is_75(check):
    done = check(nameserver_at=dead_nameserver())
    assert done.returncode == 75
    assert "no usable answer" in done.stdout or "no answer in time" in done.stdout
    assert "451 4.7.1 DMARC policy for honest.test cannot be determined now" in done.stdout


@pytest.mark.parametrize("missing", ["client", "helo", "sender", "from_"])
def test_each_part_of_an_envelope_is_needed(check, missing):
    done = check(**{missing: None})
    assert done.returncode == 2 and done.stdout == ""
    assert f"--{missing.rstrip('_')} is missing" in done.stderr


@pytest.mark.parametrize("wrong", [
    ["--client", "mail.test"], ["--client", "192.0.2.0/24"], ["--sender", "nobody"], ["--sender", "a@"],
    ["--dkim", "a.test"], ["--dkim", "a.test=perhaps"], ["--dkim", "a b=pass"],
    ["--nameserver", "ns.test"], ["--no-such-option"], ["rest"], ["--client"],
])
def test_wrong_usage_is_2(check, wrong):
    done = check(*wrong)
    assert done.returncode == 2 and done.stdout == "" and done.stderr != ""


def test_help(check):
    done = truefrom("check", "-h")
    assert done.returncode == 0 and "--message FILE" in done.stdout and done.stderr == ""


# --- decisions ---------------------------------------------------------------------------------


def test_null_sender_is_judged_by_helo(data):
    for sender in ("<>", ""):
        found = data(sender=sender, from_="client.test")
        assert found["message"]["sender"] == ""
        assert (found["spf"]["identity"], found["spf"]["domain"]) == ("helo", "client.test")
    assert data(sender="<>", from_="honest.test")["result"] == "fail"


def test_dkim_results_count_by_alignment(data):
    found = data("--dkim=reject.test=fail", "--dkim=mail.reject.test=pass", "--dkim=esp.test=pass",
                 sender="u@esp.test", from_="reject.test")
    [domain] = found["domains"]
    assert domain["dkim_alignment"] == [None, "aligned", "not aligned"]
    assert domain["spf_alignment"] == "not aligned" and found["result"] == "pass"
    strict = data("--dkim=mail.strict.test=pass", sender="u@mail.strict.test", from_="strict.test")
    assert strict["domains"][0]["dkim_alignment"] == ["not aligned"]
    assert strict["domains"][0]["record"]["adkim"] == "strict" and strict["result"] == "fail"


def test_policy_tags(data):
    def policy(domain):
        found = data(client=BAD, from_=domain)["domains"][0]
        return found["policy"], found["policy_tag"], found["exists"], found["evaluated"]
    assert policy("sub.test") == ("reject", "p", True, "reject")
    assert policy("news.sub.test") == ("quarantine", "sp", True, "quarantine")
    assert policy("no.sub.test") == ("none", "np", False, "none")
    assert policy("testing.test") == ("reject", "p", True, "quarantine")
    assert policy("noprefix.test") == ("none", None, True, "none")


def test_a_label_that_the_dns_cannot_hold(data):
    found = data(client=BAD, from_="a" * 64 + ".sub.test")["domains"][0]
    assert (found["policy"], found["policy_tag"], found["exists"]) == ("none", "np", False)
    found = data(client=BAD, from_="a@" + "a" * 64 + ".reject.test")
    assert (found["verdict"], found["domains"][0]["policy"]) == ("reject", "reject")


def test_whom_a_reader_is_shown_is_an_author(data):
    found = data(client=BAD, from_='From: "ceo@reject.test", <x@evil.test>')
    assert found["message"]["author_domains"] == ["reject.test", "evil.test"]
    assert (found["author_domain"], found["verdict"]) == ("reject.test", "reject")


def test_of_several_author_domains_the_strictest_decides(data):
    found = data("--from", "b@reject.test", client=BAD, from_="From: a@none.test, c@quarantine.test")
    assert found["message"]["author_domains"] == ["none.test", "quarantine.test", "reject.test"]
    assert found["message"]["from"] == "multiple-fields"
    assert [domain["verdict"] for domain in found["domains"]] == ["accept", "quarantine", "reject"]
    assert (found["author_domain"], found["verdict"]) == ("reject.test", "reject")
    assert found["nonconformance"] == "multiple From fields"


def test_spf_tells_why(data):
    def spf(sender, client=BAD):
        found = data(sender=sender, client=client)["spf"]
        return found["result"], found["reason"]
    assert spf("u@honest.test") == ("fail", 'the record forbids the client ("-")')
    assert spf("u@nowhere.test") == ("none", "the domain has no SPF record")
    assert spf("u@many.test") == ("permerror", "over 10 terms that take look-ups")
    assert spf("u@hostile.test") == ("permerror", "a record that breaks the grammar")
    assert spf("u@twice.test") == ("permerror", "several SPF records where one is allowed")
    assert spf("u@honest.test", "127.0.0.1") == ("none", "loopback clients are not evaluated")


def test_each_type_of_record_is_shown(data):
    events = data(sender="u@mx.test", client=GOOD6)["dns"]
    shown = {(event["type"], event["name"]): event["data"] for event in events}
    assert shown["MX", "mx.test"] == ["10 client.test"]
    assert shown["AAAA", "mx6.test"] == [GOOD6]
    assert {event["phase"] for event in events} == {"spf", "dmarc"}


def test_a_name_asked_again_is_told_as_known(data):
    found = data(client=BAD, from_="a@news.sub.test, b@sub.test")
    again = [event for event in found["dns"] if event["name"] == "_dmarc.sub.test"]
    assert [event["cached"] for event in again] == [False, True]
    assert again[1]["microseconds"] == 0


# --- the configuration -------------------------------------------------------------------------


def test_configuration_decides_what_is_done(data):
    fail = {"client": BAD, "from_": "reject.test"}
    found = data(milter='RejectFailures = true; RejectAction = "hold";', **fail)
    assert found["reject_failures"] and found["configured"]["action"] == "hold"
    assert found["configured"]["text"] == "quarantined by DMARC policy for reject.test"
    found = data(milter='RejectString = "no, %s";', **fail)
    assert found["configured"] == {"action": "accept", "text": None}
    assert found["enforced"] == {"action": "reject", "text": "550 5.7.1 no, reject.test"}
    found = data(milter='RequiredHeaders = true;', from_="a@honest.test, b@nopolicy.test")
    assert found["configured"]["text"] == "550 5.7.1 message has several author domains"
    found = data(milter='RequiredHeaders = true;', from_="a@honest.test b")
    assert found["configured"]["text"] == NONCONFORMING + "malformed From field"
    # the refusal of DMARC goes first; where it would defer, that of RequiredHeaders
    found = data(milter='RequiredHeaders = "from"; RejectFailures = true;', from_="a@reject.test b", client=BAD)
    assert found["configured"]["text"] == "550 5.7.1 rejected by DMARC policy for reject.test"
    found = data(milter='RequiredHeaders = true; RejectFailures = true;', from_="a@reject.test b",
                 nameserver_at=dead_nameserver())
    assert found["verdict"] == "open"
    assert found["configured"]["text"] == NONCONFORMING + "malformed From field"
    found = data(milter='OnTempError = "accept";', nameserver_at=dead_nameserver())
    assert (found["verdict"], found["enforced"]["action"]) == ("open", "accept")


def test_ignored_is_told_as_a_decision(data, tmp_path):
    fail = {"client": BAD, "from_": "reject.test"}
    hosts = tmp_path / "ignore.hosts"
    hosts.write_text(f"{BAD}\n.relay.test\n!mail.test\n", encoding="ascii")
    top = f'IgnoreHosts = "{hosts}";'
    found = data(top=top, **fail)
    assert (found["ignored"], found["enforced"]["action"]) == ("client", "accept")
    assert found["result"] == "fail"
    fail["client"] = "198.51.100.7"
    assert data(top=top, **fail)["ignored"] is None
    assert data(top=top, client_name="a.relay.test", **fail)["ignored"] == "client"
    found = data(top='IgnoreMailFrom = ( "reject.test" );', **fail)
    assert (found["ignored"], found["enforced"]["action"]) == ("author", "accept")


def test_an_override_decides_in_place_of_rejectfailures(data, check):
    spoof = {"client": BAD, "from_": "reject.test", "sender": "x@evil.test"}
    relax = 'Overrides = ({ Name = "soft"; AuthorDomain = "reject.test"; Action = "quarantine"; });'
    found = data(milter=relax, **spoof)
    assert (found["override"], found["configured"]["action"]) == ("soft", "hold")
    assert found["enforced"]["action"] == "hold"
    done = check(milter=relax, **spoof)
    assert re.search(r"override +the entry soft of Overrides matches: it holds at most", done.stdout)
    assert re.search(r"enforced +hold: ", done.stdout) and "RejectFailures is off" not in done.stdout
    found = data(milter=relax, client=BAD, from_="quarantine.test", sender="x@evil.test")
    assert (found["override"], found["configured"]["action"]) == (None, "accept")


def test_an_override_looks_at_recipients(data):
    milter = 'Overrides = ({ RecipientDomain = "soft.test"; Action = "annotate"; }); RejectFailures = true;'
    spoof = {"client": BAD, "from_": "reject.test", "sender": "x@evil.test", "milter": milter}
    assert data(**spoof)["configured"]["action"] == "reject"
    found = data("--recipient", "u@soft.test", **spoof)
    assert (found["override"], found["configured"]["action"]) == ("#1", "accept")
    found = data("--recipient", "u@soft.test", "--recipient", "u@hard.test", **spoof)
    assert (found["override"], found["configured"]["action"]) == (None, "reject")


def test_configuration_errors(check, tmp_path):
    assert check(config=str(tmp_path / "missing.conf")).returncode == 78
    assert check(top="Nonsense = 1;").returncode == 78


def test_the_default_configuration_need_not_be_there(dns):
    done = truefrom("check", "--client", GOOD, "--helo", "client.test", "--sender", "u@honest.test",
                    "--from", "honest.test", "--nameserver", dns)
    assert (done.returncode, done.stderr) == (0, "")


def test_nameservers_of_the_configuration_are_asked(dns, tmp_path):
    path = write_config(tmp_path, top=f'Nameservers = ( "{dns}" );')
    done = truefrom("-c", path, "check", "--client", GOOD, "--helo", "client.test", "--sender",
                    "u@honest.test", "--from", "honest.test")
    assert done.returncode == 0, done.stdout


# --- stored messages ---------------------------------------------------------------------------

RECEIVED = f"Received: from client.test (unknown [{GOOD}])\n\tby mx (Postfix) with ESMTP id 1; Mon\n"
RETURN = "Return-Path: <u@honest.test>\n"


def stored(tmp_path, text):
    path = tmp_path / "message"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_message_tells_envelope_and_results(data, tmp_path):
    path = stored(tmp_path, RETURN + RECEIVED + "Authentication-Results: mx.lab.test; dkim=pass\n"
                  "\theader.d=mail.reject.test; dkim=fail header.d=esp.test\n"
                  "Authentication-Results: other.test; dkim=pass header.d=none.test\n"
                  "From: A <a@reject.test>\nMessage-ID: <1@x>\n\nFrom: b@none.test\n")
    found = data(message=path)
    message = found["message"]
    assert (message["client"], message["helo"], message["sender"], message["message_id"]) == \
        (GOOD, "client.test", "u@honest.test", "<1@x>")
    assert message["author_domains"] == ["reject.test"] and message["dkim_source"] == "field"
    assert message["dkim"] == [{"domain": "mail.reject.test", "result": "pass"},
                               {"domain": "esp.test", "result": "fail"}]
    assert [(field["authserv_id"], field["belief"]) for field in found["authentication_results"]] == \
        [("mx.lab.test", "believed"), ("other.test", "untrusted")]
    assert found["result"] == "pass"


def test_message_with_crlf_and_from_standard_input(dns, tmp_path):
    path = stored(tmp_path, (RETURN + RECEIVED + "From: a@honest.test\n\nbody\n").replace("\n", "\r\n"))
    with open(path, "rb") as file:
        done = truefrom("-c", write_config(tmp_path), "check", "--message", "-", "--nameserver", dns,
                        stdin=file)
    assert done.returncode == 0 and "pass for honest.test" in done.stdout, done.stdout + done.stderr


def test_options_override_a_message(data, tmp_path):
    path = stored(tmp_path, RETURN + RECEIVED + "From: a@reject.test\n\n")
    assert data(message=path)["result"] == "fail"
    found = data(message=path, client=BAD, sender="x@evil.test", helo="h.test", from_="none.test",
                 dkim="none.test=pass")
    assert found["message"]["client"] == BAD and found["message"]["helo"] == "h.test"
    assert found["spf"]["domain"] == "evil.test" and found["result"] == "pass"
    assert found["message"]["dkim_source"] == "given"


def test_own_hops_are_skipped(data, tmp_path):
    filters = ("Received: from mx ([127.0.0.1]) by mx with LMTP id 0\n"
               "Received: from localhost (localhost [127.0.0.1])\n\tby mx (Postfix) with ESMTP id 2\n")
    forged = f"Received: from x (x [{BAD}]) by mx (Postfix) with ESMTP id 9\n"
    tail = "From: a@honest.test\n\n"
    hosts = tmp_path / "ignore.hosts"
    hosts.write_text("203.0.113.5\n", encoding="ascii")
    top = f'IgnoreHosts = "{hosts}";'
    for more in ("", top):
        found = data(message=stored(tmp_path, RETURN + filters + RECEIVED + forged + tail), top=more)
        assert (found["message"]["client"], found["ignored"]) == (GOOD, None)
    # a relay of ours: by whom it was received is told by the user
    relay = "Received: from mx (mx [203.0.113.5]) by store (Postfix) with ESMTP id 3\n"
    path = stored(tmp_path, RETURN + relay + RECEIVED + tail)
    assert data(message=path)["message"]["client"] == "203.0.113.5"
    assert data("--receiver", "other", "--receiver", "MX", message=path)["message"]["client"] == GOOD
    # a host of ours that sent it: ignored, whatever stands below
    found = data(message=path, top=top)
    assert (found["message"]["client"], found["ignored"]) == ("203.0.113.5", "client")
    # of nothing but such hops the topmost counts
    found = data(message=stored(tmp_path, RETURN + filters + relay.replace("store", "mx") + tail), top=top)
    assert (found["message"]["client"], found["ignored"]) == ("127.0.0.1", None)


def test_authenticated_and_ipv6_clients(data, tmp_path):
    text = RETURN + (f"Received: from [10.0.0.1] (mail.test [IPv6:{GOOD6}])\n"
                     "\t(using TLSv1.3 with cipher X (256/256 bits)\n\t key-exchange X25519)\n"
                     "\t(Authenticated sender: joe) by mx (Postfix) with ESMTPSA id 4\n")
    found = data(message=stored(tmp_path, text + "From: a@honest.test\n\n"))
    assert found["ignored"] == "authenticated" and found["message"]["client"] == GOOD6
    assert found["message"]["client_name"] == "mail.test"
    found = data(message=tmp_path / "message", milter="RequiredHeaders = true; RejectFailures = true;")
    assert found["configured"]["action"] == "accept"
    found = data(message=stored(tmp_path, text.replace("ESMTPSA", "ESMTPS") + "From: a@honest.test\n\n"))
    assert (found["ignored"], found["result"]) == (None, "pass")


def test_without_a_client_a_believed_spf_result_stands(data, tmp_path):
    text = (RETURN + "Authentication-Results: mx.lab.test; spf=pass smtp.mailfrom=honest.test\n"
            "From: a@honest.test\n\n")
    found = data(message=stored(tmp_path, text))
    assert (found["spf"]["source"], found["message"]["client"], found["result"]) == ("field", None, "pass")


def test_what_a_message_does_not_tell_is_asked_for(check, tmp_path):
    done = check(message=stored(tmp_path, RETURN + "From: a@honest.test\n\n"))
    assert done.returncode == 2 and "--client" in done.stderr and "--receiver" in done.stderr
    done = check(message=stored(tmp_path, RECEIVED + "From: a@honest.test\n\n"))
    assert done.returncode == 2 and "--sender" in done.stderr


def test_messages_that_cannot_be_read_are_66(check, tmp_path):
    assert check(message=tmp_path / "missing").returncode == 66
    assert check(message=tmp_path).returncode == 66
    done = check(message=stored(tmp_path, "A: " + "x" * (5 << 20)))
    assert done.returncode == 66 and "4 MiB" in done.stderr


def test_a_large_body_is_not_looked_at(data, tmp_path):
    text = (RETURN + RECEIVED + "From: a@honest.test\n\n").encode()
    assert data(message=stored(tmp_path, text + b"x" * (30 << 20)))["result"] == "pass"


# --- what reaches the terminal -----------------------------------------------------------------


def printable(text):
    return all(c == "\n" or " " <= c <= "~" for c in text)


def test_hostile_bytes_are_escaped(check, tmp_path):
    text = (b"Return-Path: <\033[1mu@hostile.test>\nReceived: from c (u [192.0.2.10]) by mx with SMTP id 1\n"
            b"Authentication-Results: \"mx\033[5m\xff\"; dkim=pass header.d=x.test\n"
            b"Message-ID: <\033]0;owned\007\x9b\xc3\xbc\0>\nFrom: \033[31m\"a\0\" <a@hostile.test>\n"
            b"Fro\033m: x\n\n")
    for more in ([], ["--json"]):
        done = check(*more, message=stored(tmp_path, text))
        assert done.returncode == 1, done.stderr
        assert printable(done.stdout)
        assert "\\027]0;owned\\007\\155\\195\\188" in done.stdout.replace("\\\\", "\\")
        assert "\\027[31m\\027]0;owned\\007" in done.stdout.replace("\\\\", "\\")
    done = check(helo="\033[1m", sender="\033@x.test", client_name="\033", from_="\033@honest.test")
    assert done.returncode == 1 and printable(done.stdout)


def test_colour_only_on_a_terminal_and_without_no_color(dns, tmp_path):
    argv = [program("truefrom"), "-c", write_config(tmp_path), "check", "--client", GOOD, "--helo",
            "client.test", "--sender", "u@honest.test", "--from", "honest.test", "--nameserver", dns]
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    for more, coloured in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False),
                           ({"TERM": "dumb"}, False), ({}, False)):
        text, status = on_terminal(argv, ["stdout"], {**clean, **more})
        assert status == 0 and ("\033[" in text) == coloured, more
    assert "\033" not in truefrom(*argv[1:], env={**clean, "TERM": "xterm"}).stdout
