"""The metrics of truefrom-policyd, read from its MetricsSocket as Prometheus would; and that whoever
misuses that socket disturbs nobody else."""

import os
import re
import signal
import subprocess
import sys

import pytest

sys.dont_write_bytecode = True
for folder in ("e2e", "support"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", folder))

from lab import free_port, wait_for  # noqa: E402
from scrape import Scrape, answer, ask, connect, page  # noqa: E402
from test_policyd import DUNNO, PROGRAM, exchange, own, receive, request  # noqa: E402,F401

GET = b"GET /metrics HTTP/1.0\r\n\r\n"


@pytest.fixture(name="counted", params=["unix", "inet"])
def counted_fixture(own, request):  # noqa: F811
    """A daemon with metrics, on both kinds of socket: counted.metrics is the endpoint."""
    return with_metrics(own, request.param)


@pytest.fixture(name="monitored")
def monitored_fixture(own):  # noqa: F811
    return with_metrics(own, "unix")


def with_metrics(own, form, policyd=None, **settings):  # noqa: F811
    started = own(**settings)
    endpoint = f"unix:{started.folder}/metrics.sock" if form == "unix" else \
        f"inet:{free_port()}@127.0.0.1"
    started.daemon.stop()
    started.configure(policyd={"MetricsSocket": endpoint, **(policyd or {})})
    started.start()
    started.metrics = endpoint
    return started


# --- what is counted ---------------------------------------------------------------------------------

def test_all_begins_at_zero(counted):
    scrape = Scrape(counted.metrics)
    for (name, labels), value in scrape.samples.items():
        if name.startswith("truefrom_") and not name.startswith("truefrom_config_") and name not in (
                "truefrom_build_info", "truefrom_policyd_store_max_bytes"):
            assert value == 0, (name, labels)
    assert scrape("truefrom_build_info", program="truefrom-policyd", version="0.1.0") == 1
    assert scrape("truefrom_policyd_store_max_bytes") == 16 << 20


def test_requests_are_counted_by_state_and_outcome(counted):
    with counted.connect() as client:
        for attributes in (
                {"instance": "a"}, {"instance": "a"},
                {"instance": "a", "queue_id": "4A", "protocol_state": "DATA"},
                {"instance": "b"},  # of the same connection and envelope
                {"instance": "c", "sender": "user@fail.test", "protocol_state": "END-OF-MESSAGE"},
                {"sasl_username": "joe"}, {"client_address": "203.0.113.99"},
                {"client_address": "unknown"}, {"request": "junk"}, {"protocol_state": "VRFY"}):
            assert exchange(client, request(**attributes)) == DUNNO
        scrape = Scrape(counted.metrics)
    assert scrape.counts("truefrom_policyd_requests_total") == {
        ("rcpt", "evaluated"): 1, ("rcpt", "same_message"): 1, ("data", "same_message"): 1,
        ("rcpt", "same_envelope"): 1, ("end_of_message", "evaluated"): 1,
        ("rcpt", "authenticated"): 1, ("rcpt", "ignored"): 1, ("rcpt", "unrelated"): 2,
        ("other", "unrelated"): 1}
    assert scrape.counts("truefrom_policyd_spf_results_total") == {("pass",): 1, ("fail",): 1}
    assert scrape.counts("truefrom_policyd_replies_total") == {("dunno",): 10}
    assert scrape.counts("truefrom_policyd_store_commits_total") == {("done",): 10}
    assert scrape("truefrom_policyd_store_commit_requests_count") == 10
    assert scrape("truefrom_policyd_store_commit_requests_bucket", le="1") == 10
    assert scrape("truefrom_policyd_connections") == 1


def test_replies_are_counted_by_action(own):  # noqa: F811
    policyd = with_metrics(own, "unix", {"RejectSPFFail": True, "AddReceivedSPF": True})
    assert policyd.ask(sender="user@fail.test").startswith(b"action=REJECT")
    assert policyd.ask().startswith(b"action=PREPEND")
    assert policyd.ask(request="junk") == DUNNO
    assert Scrape(policyd.metrics).counts("truefrom_policyd_replies_total") == {
        ("reject",): 1, ("prepend",): 1, ("dunno",): 1}


def test_evaluations_and_dns_answers_are_timed(monitored):
    monitored.ask(sender="one@pass.test")
    monitored.ask(sender="two@pass.test")   # from the cache
    monitored.ask(sender="one@slow.test", helo_name="slow.test")
    scrape = Scrape(monitored.metrics)
    assert scrape("truefrom_policyd_evaluation_seconds_count", dns="cached") == 1
    assert scrape("truefrom_policyd_evaluation_seconds_count", dns="asked") == 2
    assert scrape("truefrom_policyd_evaluation_seconds_bucket", dns="asked", le="2.5") == 1
    assert scrape("truefrom_policyd_evaluation_seconds_sum", dns="asked") >= 3
    asked = scrape("truefrom_dns_questions_total", result="ok", cached="no")
    # the slow one was sent again, and is one question all the same
    assert asked == len(set(monitored.questions())) == scrape("truefrom_dns_query_seconds_count")
    assert scrape("truefrom_dns_questions_total", result="ok", cached="yes") > 0
    assert scrape("truefrom_dns_query_seconds_sum") >= 3


def test_dns_trouble_is_counted(own):  # noqa: F811
    policyd = with_metrics(own, "unix", DNSTimeout=1)
    assert policyd.ask(sender="user@silent.test", helo_name="silent.test") == DUNNO
    scrape = Scrape(policyd.metrics)
    assert scrape("truefrom_dns_questions_total", result="timeout", cached="no") >= 1
    assert scrape.counts("truefrom_policyd_spf_results_total") == {("temperror",): 1}


def test_histograms_are_cumulative(monitored):
    for number in range(20):
        monitored.ask(sender=f"{number}@pass.test")
    scrape = Scrape(monitored.metrics)
    for family in scrape.families:
        if family.type != "histogram":
            continue
        last = {}
        for sample in family.samples:
            series = frozenset(item for item in sample.labels.items() if item[0] != "le")
            if sample.name.endswith("_bucket"):
                assert sample.value >= last.get(series, 0)
                last[series] = sample.value
            elif sample.name.endswith("_count"):
                assert sample.value == last[series]


def test_queue_depths(own):  # noqa: F811
    """More evaluations than threads: 512 run, the others wait."""
    policyd = with_metrics(own, "unix", DNSTimeout=3)
    clients = [policyd.connect() for _ in range(520)]
    for number, client in enumerate(clients):
        client.sendall(request(sender=f"{number}@silent.test", helo_name="silent.test"))

    def depths():
        scrape = Scrape(policyd.metrics)
        return (scrape("truefrom_policyd_evaluations_running"),
                scrape("truefrom_policyd_evaluations_waiting"),
                scrape("truefrom_policyd_connections"))
    wait_for(lambda: depths() == (512, 8, 520), "the queue to be full")
    for client in clients:
        assert receive(client) == DUNNO
        client.close()
    wait_for(lambda: depths() == (0, 0, 0), "the queue to be empty")


def test_the_store_is_told(monitored):
    for number in range(5):
        monitored.ask(instance=f"s.{number}", queue_id=f"4S{number}", client_port=str(1000 + number))
    # under the queue ID and under the envelope
    wait_for(lambda: Scrape(monitored.metrics)("truefrom_policyd_store_entries") == 10, "the entries")
    assert 0 < Scrape(monitored.metrics)("truefrom_policyd_store_used_bytes") < 16 << 20


def test_a_full_store_is_told(own):  # noqa: F811
    policyd = with_metrics(own, "unix", StateSize=1)
    with policyd.connect() as client:
        for i in range(40):
            batch = b"".join(request(sender="x" * 200 + f"{i}.{n}@pass.test", queue_id=f"4{i}x{n}")
                             for n in range(50))
            assert exchange(client, batch, 50) == DUNNO * 50
    wait_for(lambda: Scrape(policyd.metrics)("truefrom_policyd_store_dropped_total") > 0, "the loss")


def test_the_process_is_told(monitored):
    scrape = Scrape(monitored.metrics)
    proc = f"/proc/{monitored.daemon.process.pid}"
    assert abs(scrape("process_start_time_seconds") - os.stat(proc).st_mtime) < 60
    assert 1 << 20 < scrape("process_resident_memory_bytes") < 1 << 30
    assert scrape("process_cpu_seconds_total") > 0
    assert 3 < scrape("process_open_fds") <= len(os.listdir(f"{proc}/fd")) + 8
    assert scrape("process_max_fds") > 1000


# --- the socket --------------------------------------------------------------------------------------

def test_there_is_none_by_default(own):  # noqa: F811
    policyd = own()
    assert os.listdir(policyd.folder).count("policyd.sock") == 1
    assert [name for name in os.listdir(policyd.folder) if name.endswith(".sock")] == ["policyd.sock"]
    assert "metrics" not in policyd.daemon.text()


def test_the_socket_file_has_the_umask_and_goes_with_the_daemon(own):  # noqa: F811
    policyd = with_metrics(own, "unix", UMask="0117")
    path = policyd.metrics[len("unix:"):]
    assert os.stat(path).st_mode & 0o777 == 0o660
    policyd.daemon.stop()
    assert not os.path.exists(path)
    policyd.start()
    policyd.daemon.stop(signal.SIGKILL)
    assert os.path.exists(path)
    policyd.start()  # in place of the stale one
    assert Scrape(policyd.metrics)("truefrom_policyd_connections") == 0


def test_a_live_socket_is_an_error(monitored):
    second = f"{monitored.folder}/second.conf"
    with open(f"{monitored.folder}/truefrom.conf", encoding="utf-8") as file:
        text = file.read().replace("policyd.sock", "other.sock")
    with open(second, "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run([PROGRAM, "-c", second], timeout=20, stderr=subprocess.PIPE, text=True,
                          env=dict(os.environ, TRUEFROM_ALLOW_ROOT="1"), check=False)
    assert done.returncode == 1
    assert "policyd.MetricsSocket" in done.stderr and "another process is listening" in done.stderr
    assert not os.path.exists(f"{monitored.folder}/other.sock")
    assert Scrape(monitored.metrics)


def test_reloads_are_counted_and_a_new_socket_needs_a_restart(monitored):
    monitored.configure(policyd={"MetricsSocket": f"unix:{monitored.folder}/new.sock"})
    monitored.daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: "reloaded " in monitored.daemon.text(), "the reload")
    assert "warning: policyd.MetricsSocket has changed: restart" in monitored.daemon.text()
    with open(f"{monitored.folder}/truefrom.conf", "a", encoding="utf-8") as file:
        file.write("Nonsense = 1;\n")
    monitored.daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: "not reloaded" in monitored.daemon.text(), "the complaint")
    monitored.ask()  # of the new setup's resolver
    scrape = Scrape(monitored.metrics)
    assert scrape.counts("truefrom_reloads_total") == {("done",): 1, ("failed",): 1}
    assert scrape("truefrom_dns_query_seconds_count") > 0


@pytest.mark.parametrize("data, status", [
    (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "405"),
    (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nhello", "405"),
    (b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", "405"),
    (b"DELETE /metrics HTTP/1.0\r\n\r\n", "405"),
    (b"GET / HTTP/1.0\r\n\r\n", "404"),
    (b"GET /metrics/../etc/passwd HTTP/1.0\r\n\r\n", "404"),
    (b"GET /" + b"a" * 100000 + b" HTTP/1.0\r\n\r\n", "414"),
    (b"GET /metrics HTTP/1.0\r\nX: " + b"a" * 100000 + b"\r\n\r\n", "431"),
])
def test_bad_requests_are_refused(monitored, data, status):
    with connect(monitored.metrics) as client:
        try:
            client.sendall(data)
        except OSError:
            pass  # refused while it was sent
        text = answer(client)
    assert text == "" or text.split()[1] in (status, "400", "413"), text[:200]
    if len(data) < 1000:
        assert text.split()[1] == status
    assert Scrape(monitored.metrics)
    assert monitored.ask() == DUNNO


def test_head_has_no_body(monitored):
    status, body = ask(monitored.metrics, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n"
                                          b"Connection: close\r\n\r\n")
    assert status == "HTTP/1.1 200 OK" and body == ""


@pytest.mark.parametrize("garbage", [b"\0" * 4096, b"\n" * 4096, bytes(range(256)) * 64, b"x", b""])
def test_garbage_disturbs_nobody(monitored, garbage):
    with connect(monitored.metrics) as client:
        try:
            client.sendall(garbage)
        except OSError:
            pass
        assert monitored.ask() == DUNNO
    assert Scrape(monitored.metrics)


def test_a_slow_reader_holds_up_nobody(monitored):
    with connect(monitored.metrics) as slow:
        slow.sendall(GET[:10])
        assert monitored.ask() == DUNNO
        assert Scrape(monitored.metrics)
        slow.sendall(GET[10:])
        assert answer(slow).startswith("HTTP/1.1 200 OK")


def test_many_connections_cost_the_daemon_nothing(monitored):
    """Those over the limit wait in the listen queue; mail is not touched."""
    threads = len(os.listdir(f"/proc/{monitored.daemon.process.pid}/task"))
    idle = []
    for _ in range(60):
        client = connect(monitored.metrics)
        client.sendall(GET[:10])
        idle.append(client)
    for number in range(20):
        assert monitored.ask(sender=f"{number}@fail.test") == DUNNO
    assert len(os.listdir(f"/proc/{monitored.daemon.process.pid}/task")) <= threads + 4
    for client in idle:
        client.close()
    wait_for(lambda: Scrape(monitored.metrics)("truefrom_policyd_connections") == 0,
             "the last client to be gone")


def test_it_ends_with_readers_connected(monitored):
    with connect(monitored.metrics) as slow, connect(monitored.metrics) as idle:
        slow.sendall(GET[:10])
        assert monitored.daemon.stop() == 0
        assert answer(slow) == "" and answer(idle) == ""
    assert re.search(r"\]: stopped$", monitored.daemon.text().strip())
    monitored.start()


def test_the_page_is_the_same_by_both_protocols(monitored):
    def stable(text):
        return [line for line in text.splitlines() if not line.startswith("process_")]
    status, body = ask(monitored.metrics, GET)
    assert status == "HTTP/1.1 200 OK"
    assert stable(body) == stable(page(monitored.metrics))
