"""truefrom-policyd on its own: the policy protocol, its limits, slow DNS, signals, sockets."""

import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from lab import BUILD, Daemon, free_port, libconfig, wait_for  # noqa: E402

FAULTDNS = os.path.join(HERE, "..", "support", "faultdns.py")
PROGRAM = f"{BUILD}/policyd/truefrom-policyd"
DUNNO = b"action=DUNNO\n\n"
CLIENT = "192.0.2.10"
ZONE = '''{
  "$ttl": 60,
  "pass.test": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
  "fail.test": {"TXT": ["v=spf1 -all"]},
  "slow.test": {"TXT": ["v=spf1 -all"], "fault": "delay:3"},
  "silent.test": {"fault": "silent"},
  "helo.test": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}
}'''


class Policyd:
    """A running daemon with a DNS server of its own."""

    def __init__(self, zone=ZONE, **settings):
        self.folder = tempfile.mkdtemp(prefix="tf-")
        self.socket = f"{self.folder}/policyd.sock"
        self.daemon = None
        os.mkdir(f"{self.folder}/state")
        with open(f"{self.folder}/zone.json", "w", encoding="utf-8") as file:
            file.write(zone)
        with open(f"{self.folder}/ignore.hosts", "w", encoding="utf-8") as file:
            file.write("203.0.113.99\n")
        self.dns_log = f"{self.folder}/queries"
        self.dns = subprocess.Popen(
            ["/usr/bin/python3", FAULTDNS, "--zone", f"{self.folder}/zone.json", "--log",
             self.dns_log], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = int(self.dns.stdout.readline().split()[1])
        self.settings = settings
        self.configure()
        self.start()

    def configure(self, **settings):
        self.settings.update(settings)
        options = dict(self.settings)
        values = {"AuthservID": "mx.test", "IgnoreHosts": f"{self.folder}/ignore.hosts",
                  "Nameservers": [f"127.0.0.1@{self.port}"], "DNSTimeout": 5, "StateSize": 16,
                  "StateDirectory": f"{self.folder}/state", "LogTarget": "stderr",
                  "policyd": {"Socket": f"local:{self.socket}"}}
        values["policyd"].update(options.pop("policyd", {}))
        values.update(options)
        values = {key: value for key, value in values.items() if value is not None}
        with open(f"{self.folder}/truefrom.conf", "w", encoding="utf-8") as file:
            file.write(libconfig(values))

    def start(self):
        self.daemon = Daemon("truefrom-policyd", [PROGRAM, "-c", f"{self.folder}/truefrom.conf"],
                             self.folder, notify=True, env={"TRUEFROM_ALLOW_ROOT": "1"})

    def close(self):
        try:
            if self.daemon:
                assert self.daemon.stop() == 0
        finally:
            self.dns.terminate()
            self.dns.wait()
            self.dns.stdout.close()
            subprocess.run(["rm", "-rf", self.folder], check=True)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(40)
        client.connect(self.socket)
        return client

    def ask(self, **attributes):
        with self.connect() as client:
            return exchange(client, request(**attributes))

    def questions(self):
        with open(self.dns_log, encoding="utf-8") as file:
            return file.read().splitlines()


_instances = iter(range(10 ** 9))


def request(**attributes):
    values = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": CLIENT,
              "client_name": "unknown", "client_port": "4711", "helo_name": "helo.test",
              "sender": "user@pass.test", "recipient": "user@rcpt.test", "queue_id": "",
              "instance": f"i.{next(_instances)}", "sasl_username": "", "unheard_of": "value"}
    values.update(attributes)
    return "".join(f"{k}={v}\n" for k, v in values.items() if v is not None).encode() + b"\n"


def receive(client, replies=1):
    data = b""
    while data.count(b"\n\n") < replies:
        piece = client.recv(65536)
        if not piece:
            break
        data += piece
    return data


def exchange(client, data, replies=1):
    client.sendall(data)
    return receive(client, replies)


@pytest.fixture(scope="module")
def shared():
    policyd = Policyd()
    yield policyd
    policyd.close()


@pytest.fixture
def policyd(shared):
    yield shared
    assert shared.daemon.process.poll() is None, shared.daemon.text()


@pytest.fixture
def own():
    """A daemon for one test: own(policyd={...}, DNSTimeout=...)."""
    made = []

    def make(**settings):
        made.append(Policyd(**settings))
        return made[-1]
    yield make
    for policyd in made:
        policyd.close()


# --- requests and replies ----------------------------------------------------------------------------

def test_evaluates_once_a_message(policyd):
    before = policyd.daemon.text().count("spf=")
    with policyd.connect() as client:
        for queue_id in ("", "", "4ABC", "4ABC"):
            assert exchange(client, request(instance="once.1", queue_id=queue_id)) == DUNNO
    assert policyd.daemon.text().count("spf=") == before + 1


def test_order_of_attributes_does_not_matter(policyd):
    lines = request(client_port="1").strip(b"\n").split(b"\n")
    with policyd.connect() as client:
        for data in (lines, lines[::-1], sorted(lines)):
            assert exchange(client, b"\n".join(data) + b"\n\n") == DUNNO


def test_pipelined_requests_are_answered_in_order(own):
    policyd = own(policyd={"RejectSPFFail": True})
    senders = ["user@slow.test", "user@pass.test", "user@fail.test", "user@pass.test"]
    with policyd.connect() as client:
        replies = exchange(client, b"".join(request(sender=s) for s in senders), 4)
    actions = [reply.split(b" ")[0] for reply in replies.split(b"\n\n")[:-1]]
    assert actions == [b"action=REJECT", b"action=DUNNO", b"action=REJECT", b"action=DUNNO"]


def test_half_closed_connection_gets_its_replies(policyd):
    with policyd.connect() as client:
        client.sendall(request() + request())
        client.shutdown(socket.SHUT_WR)
        assert receive(client, 3) == DUNNO * 2


def test_request_in_single_octets(policyd):
    with policyd.connect() as client:
        for octet in request():
            client.sendall(bytes([octet]))
        assert receive(client) == DUNNO


@pytest.mark.parametrize("attributes", [
    {"request": "junk"}, {"request": None}, {"client_address": "unknown"}, {"client_address": ""},
    {"client_address": None}, {"protocol_state": "CONNECT"}, {"protocol_state": "EHLO"},
    {"protocol_state": "VRFY"}, {"protocol_state": "ETRN"}, {"sasl_username": "joe"},
    {"client_address": "203.0.113.99"},
])
def test_not_evaluated(policyd, attributes):
    before = policyd.daemon.text().count("spf=")
    assert policyd.ask(**attributes) == DUNNO
    assert policyd.daemon.text().count("spf=") == before


def test_empty_request(policyd):
    with policyd.connect() as client:
        assert exchange(client, b"\n\n\n", 3) == DUNNO * 3


def test_values_with_equals_signs_spaces_and_8_bit(policyd):
    with policyd.connect() as client:
        data = request(sender="a=b c\x01@pass.test").replace(b"\x01", b"\xff\x01\t")
        assert exchange(client, data) == DUNNO
    assert "\x01" not in policyd.daemon.text()


# --- limits ------------------------------------------------------------------------------------------

def closed(client):
    """Did the other side close without a reply?"""
    try:
        return client.recv(4096) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("data, why", [
    (b"no equals sign\n", "a line is no attribute"),
    (b"x=" + b"y" * 8192 + b"\n", "line too long"),
    (b"x" * 10000, "line too long"),
    ((b"x=" + b"y" * 1000 + b"\n") * 66, "request too long"),
    (b"sender=b\0c\n\n", "a line is no attribute"),
])
def test_limits(policyd, data, why):
    before = policyd.daemon.text().count(why)
    with policyd.connect() as client:
        client.sendall(data)
        assert closed(client)
    assert policyd.daemon.text().count(why) == before + 1
    assert policyd.ask() == DUNNO


def test_other_connections_do_not_notice(policyd):
    data = request()
    with policyd.connect() as other:
        other.sendall(data[:20])
        with policyd.connect() as client:
            client.sendall(b"garbage\n")
            assert closed(client)
        assert exchange(other, data[20:]) == DUNNO


def test_limits_are_exact(policyd):
    head = request().rstrip(b"\n") + b"\n"
    with policyd.connect() as client:
        assert exchange(client, head + b"x=" + b"y" * 8190 + b"\n\n") == DUNNO
        filler = 65536 - len(head) - 1
        lines = b""
        while filler > 0:
            size = min(filler, 4000)
            size = filler if 0 < filler - size < 4 else size
            lines += b"x=" + b"y" * (size - 3) + b"\n"
            filler -= size
        assert len(head + lines + b"\n") == 65536
        assert exchange(client, head + lines + b"\n") == DUNNO
        client.sendall(head + b"x=\n" + lines[1:] + b"\n\n" + b"x" * 10)
    assert policyd.ask() == DUNNO


def test_flood_without_newline(policyd):
    with policyd.connect() as client:
        with pytest.raises(OSError):
            for _ in range(1024):
                client.sendall(b"x" * (1 << 20))
    assert policyd.ask() == DUNNO


def test_client_that_never_reads(policyd):
    with policyd.connect() as client:
        client.settimeout(1)
        with pytest.raises(OSError):
            while True:
                client.sendall(b"\n" * 65536)
        assert policyd.ask() == DUNNO


def threads_of(policyd):
    return len(os.listdir(f"/proc/{policyd.daemon.process.pid}/task"))


def test_thousand_idle_connections_cost_no_thread(policyd):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    policyd.ask()
    before = threads_of(policyd)
    clients = [policyd.connect() for _ in range(1000)]
    try:
        for client in clients[::10]:
            client.sendall(b"request=")
        assert policyd.ask() == DUNNO
        assert threads_of(policyd) <= before + 1
        assert exchange(clients[500], b"x\n\n") == DUNNO
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- what is told ------------------------------------------------------------------------------------

def test_reject_spf_fail_at_rcpt_only(own):
    policyd = own(policyd={"RejectSPFFail": True})
    fail = {"sender": "user@fail.test", "instance": "rej.1"}
    assert policyd.ask(**fail) == (b"action=REJECT 5.7.23 SPF fail: fail.test does not allow mail "
                                   b"from 192.0.2.10\n\n")
    assert policyd.ask(**fail, protocol_state="DATA", queue_id="4X") == DUNNO
    assert policyd.ask() == DUNNO


def test_received_spf_once_a_message(own):
    policyd = own(policyd={"AddReceivedSPF": True})
    with policyd.connect() as client:
        first = exchange(client, request(instance="p.1"))
        assert first == (b"action=PREPEND Received-SPF: pass (mailfrom) identity=mailfrom; "
                         b'receiver=mx.test; client-ip=192.0.2.10; envelope-from="user@pass.test"; '
                         b"helo=helo.test;\n\n")
        assert exchange(client, request(instance="p.1")) == DUNNO
        assert exchange(client, request(instance="p.1", queue_id="4Y",
                                        protocol_state="DATA")) == DUNNO
        assert exchange(client, request(instance="p.2", queue_id="4Z",
                                        protocol_state="DATA")).startswith(b"action=PREPEND")
        assert exchange(client, request(instance="p.3", queue_id="4Z",
                                        protocol_state="END-OF-MESSAGE")) == DUNNO
        null = exchange(client, request(instance="p.4", sender=""))
        assert null.startswith(b"action=PREPEND Received-SPF: pass (helo) identity=helo; ")


def test_dns_trouble_is_dunno_and_temperror(own):
    policyd = own(DNSTimeout=1)
    assert policyd.ask(sender="user@silent.test") == DUNNO
    assert "spf=temperror/silent.test" in policyd.daemon.text()


def test_why_a_record_cannot_be_evaluated_is_logged(own):
    zone = {"broken.test": {"TXT": ["v=spf1 a: -all"]}, "silent.test": {"fault": "servfail"},
            "long.test": {"TXT": [["v=spf1" + " " * 240] + [" " * 250] * 70]},
            "names.test": {"TXT": [["v=spf1 exists:"] + ["%{p}" * 60] * 3 + [".x.test -all"]]}}
    policyd = own(zone=json.dumps(zone))
    for domain, result in (("broken.test", "permerror"), ("long.test", "permerror"), ("names.test", "permerror"),
                           ("silent.test", "temperror")):
        for number in range(2):  # the second one is known already
            assert policyd.ask(sender=f"user@{domain}", client_port=str(2000 + number),
                               instance=f"{domain}{number}") == DUNNO
        reasons = re.findall(fr"spf={result}/{domain} .*sender=<user@{domain}> reason: (.+)", policyd.daemon.text())
        assert len(reasons) == 2 and reasons[0] == reasons[1], policyd.daemon.text()


# --- concurrency, signals, sockets -------------------------------------------------------------------

def test_slow_dns_holds_up_nobody_else(policyd):
    slow = [policyd.connect() for _ in range(50)]
    for number, client in enumerate(slow):
        client.sendall(request(sender=f"u{number}@slow.test", helo_name=f"h{number}.slow.test"))
    assert policyd.ask() == DUNNO
    assert select.select(slow, [], [], 0)[0] == []  # none was done when the quick one was
    for client in slow:
        assert receive(client) == DUNNO
        client.close()


def test_what_is_cached_needs_no_thread(own):
    """More evaluations wait for a silent server than there are threads; a domain whose records are known
    is answered all the same, and by what it would be answered otherwise."""
    policyd = own(DNSTimeout=3)
    policyd.ask(sender="user@pass.test")
    waiting = [policyd.connect() for _ in range(600)]
    for number, client in enumerate(waiting):
        client.sendall(request(sender=f"{number}@silent.test", instance=f"slow{number}"))
    wait_for(lambda: threads_of(policyd) > 500, "the threads to be busy")
    assert policyd.ask(sender="other@pass.test", instance="quick") == DUNNO
    assert re.search(r"spf=pass/pass.test .*sender=<other@pass.test>", policyd.daemon.text())
    assert "silent.test" not in policyd.daemon.text()  # still waiting
    for client in waiting:
        client.close()


def test_parallel_clients(policyd):
    failures = []

    def work(number):
        with policyd.connect() as client:
            for i in range(200):
                if exchange(client, request(queue_id=f"4{number}{i}")) != DUNNO:
                    failures.append((number, i))
    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_hangup_reloads_without_dropping_a_connection(own):
    policyd = own()
    with policyd.connect() as client:
        assert exchange(client, request(sender="user@fail.test")) == DUNNO
        policyd.configure(policyd={"RejectSPFFail": True})
        policyd.daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: "reloaded " in policyd.daemon.text(), "the reload")
        assert exchange(client, request(sender="user@fail.test")).startswith(b"action=REJECT")
        with open(f"{policyd.folder}/truefrom.conf", "a", encoding="utf-8") as file:
            file.write("Nonsense = 1;\n")
        policyd.daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: "not reloaded" in policyd.daemon.text(), "the complaint")
        assert re.search(r"truefrom\.conf:\d+: .*Nonsense", policyd.daemon.text())
        assert exchange(client, request(sender="user@fail.test")).startswith(b"action=REJECT")


def test_terminate_finishes_what_is_in_flight(own):
    policyd = own()
    with policyd.connect() as busy, policyd.connect() as idle:
        busy.sendall(request(sender="user@slow.test"))
        time.sleep(0.5)
        policyd.daemon.send_signal(signal.SIGTERM)
        assert closed(idle)
        assert receive(busy) == DUNNO
        assert closed(busy)
    assert policyd.daemon.process.wait(20) == 0
    assert not os.path.exists(policyd.socket)
    policyd.daemon = None


def test_stale_socket_is_replaced_a_live_one_is_an_error(own):
    policyd = own()
    second = subprocess.run([PROGRAM, "-c", f"{policyd.folder}/truefrom.conf"], timeout=20,
                            env=dict(os.environ, TRUEFROM_ALLOW_ROOT="1"), stderr=subprocess.PIPE,
                            check=False)
    assert second.returncode not in (0, None)
    assert b"another process is listening there" in second.stderr
    assert policyd.ask() == DUNNO
    policyd.daemon.stop(signal.SIGKILL)
    assert os.path.exists(policyd.socket)
    policyd.start()
    assert policyd.ask() == DUNNO


def test_root_without_user_id_is_refused(own):
    policyd = own()
    policyd.daemon.stop()
    refused = subprocess.run([PROGRAM, "-c", f"{policyd.folder}/truefrom.conf"], timeout=20,
                             env={k: v for k, v in os.environ.items()
                                  if k != "TRUEFROM_ALLOW_ROOT"}, stderr=subprocess.PIPE,
                             check=False)
    assert refused.returncode == 1
    assert b"started as root: set UserID" in refused.stderr
    policyd.daemon = None


def test_user_id_is_dropped_to(own):
    policyd = own()
    policyd.daemon.stop()
    os.chmod(policyd.folder, 0o755)
    for name in ("", "/data.mdb", "/lock.mdb"):
        os.chown(f"{policyd.folder}/state{name}", 2, 2)
    policyd.configure(UserID="bin:daemon")
    os.environ.pop("TRUEFROM_ALLOW_ROOT", None)
    policyd.start()
    with open(f"/proc/{policyd.daemon.process.pid}/status", encoding="ascii") as file:
        status = file.read()
    assert re.search(r"^Uid:\t2\t2\t2\t2$", status, re.M)
    assert re.search(r"^Gid:\t1\t1\t1\t1$", status, re.M)
    assert policyd.ask() == DUNNO


def test_inet_socket(own):
    port = free_port()
    own(policyd={"Socket": f"inet:{port}@127.0.0.1"})
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        assert exchange(client, request()) == DUNNO


def test_bad_configuration_is_told_with_its_line(tmp_path):
    path = tmp_path / "truefrom.conf"
    path.write_text('StateSize = 10;\nDNSTimeout = "soon";\npolicyd: { Socket = "nowhere"; };\n')
    for options in (["-t"], []):
        result = subprocess.run([PROGRAM, "-c", str(path)] + options, stderr=subprocess.PIPE,
                                timeout=20, check=False)
        assert result.returncode == 78
        assert f"{path}:2: ".encode() in result.stderr
        assert f"{path}:3: ".encode() in result.stderr


def test_full_store_drops_the_oldest_and_goes_on(own):
    policyd = own(StateSize=1)
    with policyd.connect() as client:
        for i in range(40):
            batch = b"".join(request(sender="x" * 200 + f"{i}.{n}@pass.test", queue_id=f"4{i}x{n}")
                             for n in range(50))
            assert exchange(client, batch, 50) == DUNNO * 50
    wait_for(lambda: "state store is full: dropped the" in policyd.daemon.text(), "the log line")
    assert os.path.getsize(f"{policyd.folder}/state/data.mdb") <= 1 << 20
