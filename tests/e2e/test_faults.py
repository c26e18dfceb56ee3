"""Daemons killed in the middle, broken stores, messages made to hurt: no wrong verdict, nothing lost,
nothing to repair by hand."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from lab import RECIPIENT, Lab, message, wait_for
from test_join import Sender
from zones import BAD, ZONE

EVIL = {"client": BAD, "sender": "x@evil.test"}
REJECTED = "550 5.7.1 rejected by DMARC policy for reject.test"


@pytest.fixture(scope="module")
def fault_lab():
    with Lab(ZONE) as lab:
        yield lab


@pytest.fixture
def lab(fault_lab):
    """Whatever a test did, both daemons run again after it, and verdicts are right."""
    yield fault_lab
    if fault_lab.policyd is None or fault_lab.policyd.process.poll() is not None:
        fault_lab.start_policyd()
    if fault_lab.milter is None or fault_lab.milter.process.poll() is not None:
        fault_lab.start_milter()
    works(fault_lab)


def works(lab):
    reply = lab.send(message("a@honest.test"), "nodkim")
    assert reply.code == 250, str(reply)
    assert "dmarc=pass" in lab.result(reply)
    assert str(lab.send(message("a@reject.test"), "nodkim", **EVIL)) == REJECTED
    return reply


# --- kill -9 -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("victims", [("policyd",), ("milter",), ("policyd", "milter")])
def test_killed_while_messages_are_in_flight(lab, victims):
    """200 messages from 10 clients; a wrong verdict is a 250 for a spoof or a 5xx for honest mail. A
    temporary refusal (4xx) is none: the client tries again."""
    threads = [Sender(lab, number, 20, "nodkim") for number in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.05)
        for victim in victims:
            getattr(lab, f"stop_{victim}")(signal.SIGKILL)
        for victim in victims:
            getattr(lab, f"start_{victim}")()
    for thread in threads:
        thread.join()
    assert [thread.error for thread in threads if thread.error] == []
    wrong = [text for thread in threads for text in thread.wrong if not text.startswith("4")]
    assert wrong == []
    assert lab.join(works(lab)) == "queueid"


def test_postfix_process_killed_in_mid_message(lab):
    session = lab.session("nodkim")
    session.command("MAIL FROM:<user@honest.test>")
    session.command(f"RCPT TO:<{RECIPIENT}>")
    session.command("DATA")
    session.smtp.send(b"From: a@honest.test\r\nSubject: cut")
    pids = re.findall(r"lab/nodkim/smtpd\[(\d+)\]: \w+: client=", lab.postfix_log())
    os.kill(int(pids[-1]), signal.SIGKILL)
    with pytest.raises(Exception):
        session.smtp.send(b"\r\n.\r\n")
        session.smtp.getreply()
    works(lab)


def test_client_gone_in_mid_message(lab):
    for _ in range(20):
        session = lab.session("nodkim")
        session.command("MAIL FROM:<user@honest.test>")
        session.command(f"RCPT TO:<{RECIPIENT}>")
        session.command("DATA")
        session.smtp.send(b"From: a@honest.test\r\nSubject: cut")
        session.smtp.sock.close()
    works(lab)


# --- the store ---------------------------------------------------------------------------------------

def data_file(lab):
    return f"{lab.state}/data.mdb"


def test_store_removed_while_it_is_used(lab):
    works(lab)
    os.unlink(data_file(lab))
    os.unlink(f"{lab.state}/lock.mdb")
    works(lab)
    lab.stop_policyd()
    lab.start_policyd()
    time.sleep(1.1)  # the milter looks once a second whether the files are others
    assert lab.join(works(lab)) == "queueid"


@pytest.mark.parametrize("damage", ["half", "empty", "garbage"])
def test_store_damaged_while_it_is_used(lab, damage):
    """Neither daemon is ended by what it finds in the map; the store is made anew."""
    for _ in range(50):
        lab.send(message("a@honest.test"), "nodkim")
    size = os.path.getsize(data_file(lab))
    if damage == "half":
        os.truncate(data_file(lab), size // 2)
    elif damage == "empty":
        os.truncate(data_file(lab), 0)
    else:
        with open(data_file(lab), "r+b") as file:
            file.write(b"\xa5" * size)
    for _ in range(3):
        honest = lab.send(message("a@honest.test"), "nodkim")
        spoof = lab.send(message("a@reject.test"), "nodkim", **EVIL)
        assert honest.code in (250, 451), str(honest)
        assert spoof.code in (550, 451), str(spoof)
    for daemon in (lab.policyd, lab.milter):
        assert daemon.process.poll() is None, daemon.text()[-2000:]
    time.sleep(1.1)
    works(lab)
    lab.stop_policyd()
    lab.start_policyd()
    time.sleep(1.1)
    assert lab.join(works(lab)) == "queueid"


def test_store_of_another_user(lab):
    """policyd cannot open it: it says so and does not start; the milter evaluates SPF itself."""
    lab.stop_policyd()
    os.chown(data_file(lab), 0, 0)
    os.chmod(data_file(lab), 0o600)
    try:
        with pytest.raises(RuntimeError, match="StateDirectory .*Permission denied"):
            lab.start_policyd()
        lab.stop_milter()
        lab.start_milter()
        assert lab.join(works(lab)) == "self"
    finally:
        os.unlink(data_file(lab))
        os.unlink(f"{lab.state}/lock.mdb")


def test_store_directory_read_only(lab):
    lab.stop_policyd()
    for name in ("data.mdb", "lock.mdb"):
        if os.path.exists(f"{lab.state}/{name}"):
            os.unlink(f"{lab.state}/{name}")
    os.chmod(lab.state, 0o2550)
    try:
        with pytest.raises(RuntimeError, match="StateDirectory .*Permission denied"):
            lab.start_policyd()
    finally:
        os.chmod(lab.state, 0o2770)


def test_no_room_for_the_store(lab):
    """Writing fails, as on a full disk: what does not fit is evaluated anew."""
    lab.stop_policyd()
    for name in ("data.mdb", "lock.mdb"):
        os.unlink(f"{lab.state}/{name}")
    lab.start_policyd(file_size_limit=200 << 10)
    for number in range(300):
        reply = lab.send(message("a@honest.test"), "nodkim",
                         sender=f"{'x' * 60}{number}@honest.test")
        assert reply.code == 250
    assert lab.policyd.process.poll() is None
    assert os.path.getsize(data_file(lab)) <= 200 << 10
    assert re.search("state store", lab.policyd.text())
    assert str(lab.send(message("a@reject.test"), "nodkim", **EVIL)) == REJECTED
    lab.stop_policyd()


@contextlib.contextmanager
def small_file_system(lab, kib):
    """StateDirectory on a tmpfs of its own."""
    lab.stop_policyd()
    status = os.stat(lab.state)
    subprocess.run(["mount", "-t", "tmpfs", "-o",
                    f"size={kib}k,mode=2770,uid={status.st_uid},gid={status.st_gid}", "tmpfs", lab.state],
                   check=True)
    try:
        lab.start_policyd()
        yield
    finally:
        lab.stop_policyd()
        subprocess.run(["umount", "-l", lab.state], check=True)
        lab.start_policyd()


def failed_writes(lab):
    """Lines that say so, of all policyds of this laboratory: they share a log."""
    return lab.policyd.text().count("state store: cannot write")


def fill(path):
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def test_file_system_fills_up_under_the_store(lab):
    """A tmpfs that somebody else fills: expired and old results go all the same, mail flows on."""
    before = failed_writes(lab)
    with small_file_system(lab, 2048):
        for number in range(200):
            lab.send(message("a@honest.test"), "nodkim", sender=f"{'x' * 60}{number}@honest.test")
        fill(f"{lab.state}/ballast")
        for number in range(400):
            reply = lab.send(message("a@honest.test"), "nodkim",
                             sender=f"{'y' * 60}{number}@honest.test")
            assert reply.code == 250
        assert str(lab.send(message("a@reject.test"), "nodkim", **EVIL)) == REJECTED
        log = lab.policyd.text()
        assert lab.policyd.process.poll() is None
        assert "made anew; find out who changes or fills" in log or "cannot write" in log
        assert failed_writes(lab) - before <= 2
        wait_for(lambda: lab.join(lab.send(message("a@honest.test"), "nodkim")) == "queueid",
                 "results to be stored again")
        os.unlink(f"{lab.state}/ballast")
        wait_for(lambda: lab.join(lab.send(message("a@honest.test"), "nodkim")) == "queueid",
                 "results to be stored with room")


def test_policyd_starts_where_there_is_hardly_any_room(lab):
    before = failed_writes(lab)
    with small_file_system(lab, 160):
        for number in range(300):
            reply = lab.send(message("a@honest.test"), "nodkim",
                             sender=f"{'z' * 60}{number}@honest.test")
            assert reply.code == 250
        assert lab.policyd.process.poll() is None
        assert failed_writes(lab) - before <= 2


@pytest.mark.parametrize("damage", ["empty", "short", "garbage", "removed"])
def test_lock_file_damaged_while_it_is_used(lab, damage):
    """Both daemons have mapped lock.mdb, and look into it at every step."""
    works(lab)
    path = f"{lab.state}/lock.mdb"
    size = os.path.getsize(path)
    if damage == "removed":
        os.unlink(path)
    elif damage == "garbage":
        with open(path, "r+b") as file:
            file.write(b"\xa5" * size)
    else:
        os.truncate(path, 0 if damage == "empty" else 4096)
    for _ in range(3):
        assert lab.send(message("a@honest.test"), "nodkim").code in (250, 451)
        assert lab.send(message("a@reject.test"), "nodkim", **EVIL).code in (550, 451)
    for daemon in (lab.policyd, lab.milter):
        assert daemon.process.poll() is None, daemon.text()[-2000:]
    lab.stop_policyd()
    lab.start_policyd()
    wait_for(lambda: lab.join(lab.send(message("a@honest.test"), "nodkim")) == "queueid",
             "the milter to find the new store")


def overwrite(path, octet):
    with open(path, "r+b") as file:
        file.write(bytes([octet]) * os.path.getsize(path))


def put_folder(path):
    os.unlink(path)
    os.makedirs(f"{path}/folder")


@pytest.mark.parametrize("name", ["lock.mdb", "data.mdb"])
@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("damage", [lambda path: overwrite(path, 1), lambda path: overwrite(path, 255),
                                    put_folder], ids=["ones", "ff", "folder"])
def test_store_is_made_anew_without_a_restart(lab, name, running, damage):
    """Also what reads as a lock that somebody holds: nobody waits for it."""
    works(lab)
    before = lab.policyd.text().count("cannot drop"), lab.policyd.text().count("cannot write")
    if running:
        damage(f"{lab.state}/{name}")
    else:
        lab.stop_policyd()
        damage(f"{lab.state}/{name}")
        lab.start_policyd()
    for _ in range(3):
        assert lab.send(message("a@honest.test"), "nodkim").code in (250, 451)
        assert lab.send(message("a@reject.test"), "nodkim", **EVIL).code in (550, 451)
    wait_for(lambda: os.path.isfile(f"{lab.state}/{name}"), "the store to be made anew")
    wait_for(lambda: lab.join(lab.send(message("a@honest.test"), "nodkim")) == "queueid",
             "the milter to find the new store")
    for daemon in (lab.policyd, lab.milter):
        assert daemon.process.poll() is None, daemon.text()[-2000:]
    log = lab.policyd.text()
    assert log.count("cannot drop") <= before[0] + 1 and log.count("cannot write") <= before[1] + 1


def test_reload_with_a_hundred_thousand_entries(lab):
    """What follows them in the file counts too; and what is too much leaves what is in use."""
    try:
        for daemon in (lab.policyd, lab.milter):
            lab.reload(daemon, IgnoreMailFrom=[f"d{n}.example" for n in range(100000)] + ["reject.test"],
                       UMask="0007")
        assert lab.send(message("a@reject.test"), "nodkim", **EVIL).code == 250
        huge = ".".join(["a" * 60] * 3)
        lab.settings.pop("IgnoreMailFrom")
        for daemon in (lab.policyd, lab.milter):
            lab.reload(daemon, f"error: {lab.config_path}: not reloaded",
                       IgnoreMailFrom=[f"{huge}.d{n}.example" for n in range(300000)])
            assert "out of memory: too much is configured" in daemon.text()
        assert lab.send(message("a@reject.test"), "nodkim", **EVIL).code == 250
    finally:
        lab.settings.pop("IgnoreMailFrom", None)
        lab.settings.pop("UMask", None)
        for daemon in (lab.policyd, lab.milter):
            lab.reload(daemon)


def test_policyd_starts_beside_a_milter_that_has_a_cut_lock_file(lab):
    works(lab)
    lab.stop_policyd()
    os.truncate(f"{lab.state}/lock.mdb", 0)
    lab.start_policyd()
    wait_for(lambda: lab.join(lab.send(message("a@honest.test"), "nodkim")) == "queueid",
             "the milter to find the new store")
    assert lab.milter.process.poll() is None


# --- messages made to hurt ---------------------------------------------------------------------------

def test_ten_thousand_header_fields(lab):
    reply = lab.send(message("a@honest.test", "X-Filler: x\n" * 10000), "nodkim")
    assert "dmarc=pass" in lab.result(reply)
    reply = lab.send(message("a@reject.test", "X-Filler: x\n" * 10000), "nodkim", **EVIL)
    assert str(reply) == REJECTED


def test_from_field_of_a_mebibyte(lab):
    """Postfix cuts it, for us and for whoever reads it."""
    text = "a" * 900 + "\n "
    reply = lab.send(message("a@reject.test, " + text * 1160), "nodkim", **EVIL)
    assert reply.code == 550, str(reply)
    reply = lab.send(message(text * 50 + "<a@reject.test>"), "nodkim", **EVIL)
    assert str(reply) == REJECTED
    reply = lab.send(message(text * 1160 + "<a@reject.test>"), "nodkim", **EVIL)
    assert "dmarc=permerror" in lab.result(reply)
    assert "reject.test" not in lab.delivered(reply)["From"]


def test_two_thousand_authors(lab):
    authors = ",\n ".join(f"a{n}@d{n}.test" for n in range(2000))
    reply = lab.send(message(f"{authors}, a@reject.test"), "nodkim", **EVIL)
    assert reply.code == 550, str(reply)
    reply = lab.send(message(f"a@reject.test, {authors}"), "nodkim", **EVIL)
    assert reply.code == 550, str(reply)


def test_five_hundred_authentication_results(lab):
    fields = "".join(f"Authentication-Results: other{n}.test; dkim=pass header.d=reject.test\n"
                     for n in range(500))
    before = lab.milter.text().count("\n")
    reply = lab.send(message("a@reject.test", fields), "nodkim", **EVIL)
    assert str(reply) == REJECTED
    assert lab.milter.text().count("\n") - before < 30


def test_five_hundred_dkim_results(lab):
    results = ";\n ".join(f"dkim=pass header.d=d{n}.test" for n in range(500))
    field = f"Authentication-Results: mx.lab.test; {results}\n"
    reply = lab.send(message("a@reject.test", field), "nodkim", **EVIL)
    assert str(reply) == REJECTED
    field = f"Authentication-Results: mx.lab.test; {results};\n dkim=pass header.d=reject.test\n"
    reply = lab.send(message("a@reject.test", field), "nodkim", **EVIL)
    assert "dmarc=pass" in lab.result(reply)


@pytest.mark.parametrize("octets", [b"\x00", b"\x80", b"\xff\xfe", b"\x01\x7f", b"\xc3\x28",
                                    b"\xe2\x80\xae", b"\x1b[31m"])
def test_nul_and_8_bit_everywhere(lab, octets):
    """Wherever the octets stand, the spoof is not let pass as something else."""
    places = [
        b"From: a%s@reject.test\n", b"From: a@reject%s.test\n", b"From: a@reject.test%s\n",
        b"From: %sa@reject.test\n", b"From: \"%s\" <a@reject.test>\n", b"From:%s a@reject.test\n",
        b"From: (%s) a@reject.test\n", b"From: a@reject.test (%s\n",
    ]
    rest = b"Date: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: %s\nX-%s: x\n\n%s\n" % ((octets,) * 3)
    for place in places:
        reply = lab.send(place % octets + rest, "nodkim", **EVIL)
        if reply.code == 250:  # no author domain could be read: then nothing may say pass
            assert "dmarc=permerror" in lab.result(reply) or "dmarc=fail" in lab.result(reply) \
                or "dmarc=none" in lab.result(reply), place
            assert "header.from=reject.test" not in lab.result(reply), place
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f]", lab.milter.text()) is None
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f]", lab.policyd.text()) is None


def test_injection_into_our_field_and_log(lab):
    """Sender, HELO and From are the client's text: none of it ends our field or a log line."""
    fields = ['"a; dmarc=pass (x"@evil.test', '"a\\"b"@evil.test', "a(comment@evil.test",
              '"x@reject.test;"@evil.test']
    for sender in fields:
        reply = lab.send(message("a@none.test"), "nodkim", client=BAD, sender=sender)
        assert reply.code == 250, sender
        delivered = lab.delivered(reply)
        ours = delivered.get_all("Authentication-Results")[0]
        unquoted = re.sub(r'"(\\.|[^"\\])*"', "", ours)
        assert len(re.findall(r";\s*dmarc=", unquoted)) == 1 and "dmarc=fail" in unquoted, ours
        assert ours.rstrip().endswith("policy.dmarc=none")
    for helo in ("a;dmarc=pass", "x\"y", "mail.test)"):
        with lab.session("nodkim", client=BAD, helo=helo) as session:
            reply = session.send(message("a@none.test"), sender="")
        unquoted = re.sub(r'"(\\.|[^"\\])*"', "", lab.result(reply))
        assert len(re.findall(r";\s*dmarc=", unquoted)) == 1
    lines = [line for line in lab.milter.text().splitlines() if line]
    assert all(line.startswith("truefrom-milter[") for line in lines)
    lines = [line for line in lab.policyd.text().splitlines() if line]
    assert all(line.startswith("truefrom-policyd[") for line in lines)


# --- policy clients made to hurt ----------------------------------------------------------------------

def test_slow_policy_client(lab):
    """One octet at a time, with pauses: nobody else waits."""
    stop = threading.Event()
    path = f"{lab.sockets}/policyd.sock"

    def trickle():
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            for octet in b"request=smtpd_access_policy\nsender=a@b.test\n" * 100:
                if stop.wait(0.2):
                    return
                client.sendall(bytes([octet]))
    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        assert lab.join(works(lab)) == "queueid"
    finally:
        stop.set()
        thread.join()


def test_idle_policy_connections(lab):
    clients = []
    try:
        for _ in range(500):
            client = socket.socket(socket.AF_UNIX)
            client.connect(f"{lab.sockets}/policyd.sock")
            clients.append(client)
        assert lab.join(works(lab)) == "queueid"
    finally:
        for client in clients:
            client.close()


# --- privileges --------------------------------------------------------------------------------------

def status_of(daemon, name):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return re.search(rf"^{name}:\t(.*)$", file.read(), re.M).group(1).split()


def test_two_unprivileged_users(lab):
    """The daemons run as two users; the milter cannot write the store."""
    works(lab)
    policyd, milter = status_of(lab.policyd, "Uid"), status_of(lab.milter, "Uid")
    assert "0" not in policyd + milter and set(policyd).isdisjoint(milter)
    details = os.stat(data_file(lab))
    assert str(details.st_uid) == policyd[0]
    assert details.st_mode & 0o777 == 0o640
    wait_for(lambda: "data.mdb" in " ".join(maps_of(lab.milter)), "the milter to have it open")
    assert not any("data.mdb" in line and "w" in line.split()[1] for line in maps_of(lab.milter))


def maps_of(daemon):
    with open(f"/proc/{daemon.process.pid}/maps", encoding="ascii") as file:
        return file.read().splitlines()
