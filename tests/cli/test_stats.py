"""truefrom stats: what it says of running daemons, and of whatever else answers."""

import contextlib
import json
import os
import re
import socket
import threading

import pytest

from lab import Daemon, free_port
from tool import program, truefrom, write_config

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
INFO = b'truefrom_build_info{program="truefrom-milter",version="0.1.0"} 1\n'


@pytest.fixture(name="daemons", scope="module")
def daemons_fixture(tmp_path_factory):
    """Both daemons, idle, with metrics; the path of their configuration."""
    folder = tmp_path_factory.mktemp("stats")
    os.mkdir(folder / "state")
    port = free_port()
    path = write_config(folder, policyd=f'MetricsSocket = "unix:{folder}/metrics.sock";',
                        milter=f'MetricsSocket = "inet:{port}@127.0.0.1";')
    started = []
    try:
        for name in ("truefrom-policyd", "truefrom-milter"):
            started.append(Daemon(name, [program(name), "-c", path], folder, notify=True,
                                  env={"TRUEFROM_ALLOW_ROOT": "1"}))
        yield path
    finally:
        for daemon in started:
            assert daemon.stop() == 0, daemon.text()


@contextlib.contextmanager
def answering(folder, data):
    """A server that sends this to the first that connects, whatever it is asked; gives its endpoint."""
    path = f"{folder}/other.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(30)

        def serve():
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                client.recv(65536)
                client.sendall(data)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield "unix:" + path
        finally:
            thread.join()
            os.unlink(path)


# --- of running daemons ------------------------------------------------------------------------------

def test_a_page_for_each_daemon(daemons):
    done = truefrom("-c", daemons, "stats")
    assert (done.returncode, done.stderr) == (0, "")
    policyd, milter = done.stdout.split("\n\ntruefrom-milter")
    assert re.match(r"truefrom-policyd 0\.1\.0 on unix:\S+/metrics\.sock, running for 0:0\d\n"
                    r"configuration read \d{4}-\d\d-\d\d [\d:]{8} UTC\n\n"
                    r"requests +0\n", policyd)
    assert re.match(r" 0\.1\.0 on inet:\d+@127\.0\.0\.1, running for 0:0\d\n.*\n\nmessages +0\n", milter)
    assert re.search(r"^store +0\.0 MiB of 256 MiB, 0\.0 %$", policyd, re.M)
    assert re.search(r"^evaluation +0$", milter, re.M)


def test_json_has_all_figures(daemons):
    done = truefrom("-c", daemons, "stats", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    policyd, milter = json.loads(done.stdout)["daemons"]
    assert policyd["program"] == "truefrom-policyd" and milter["program"] == "truefrom-milter"
    assert policyd["store"] == {"used": 0, "max": 256 << 20}
    assert {"result": "fail", "disposition": "reject", "count": 0} in milter["messages"]
    assert milter["evaluation"] == {"count": 0, "mean": None, "p50": None, "p99": None}
    assert milter["connections"] == 0 and 0 <= milter["uptime"] < 600


def test_every_figure_is_one_that_the_daemon_has(daemons):
    """A metric that was renamed would be told as nothing at all."""
    for daemon in json.loads(truefrom("-c", daemons, "stats", "--json").stdout)["daemons"]:
        for key, value in daemon.items():
            assert value != [], (daemon["program"], key)


def test_endpoints_stand_in_place_of_the_configuration(daemons):
    with open(daemons, encoding="utf-8") as file:
        endpoint = re.search(r'"(inet:\d+@[^"]+)"', file.read()).group(1)
    done = truefrom("-c", "/nonexistent", "stats", endpoint)
    assert done.returncode == 0 and done.stdout.startswith("truefrom-milter ")
    assert "truefrom-policyd" not in done.stdout


# --- what cannot be read -----------------------------------------------------------------------------

def test_without_a_socket_it_says_what_to_do(tmp_path):
    done = truefrom("-c", write_config(tmp_path), "stats")
    assert done.returncode == 78 and done.stdout == ""
    assert "policyd.MetricsSocket is not set" in done.stderr
    assert "milter.MetricsSocket is not set" in done.stderr


def test_one_that_is_down_does_not_hide_the_other(daemons, tmp_path):
    with open(daemons, encoding="utf-8") as file:
        endpoint = re.search(r'"(inet:\d+@[^"]+)"', file.read()).group(1)
    path = write_config(tmp_path, policyd=f'MetricsSocket = "unix:{tmp_path}/none.sock";',
                        milter=f'MetricsSocket = "{endpoint}";')
    for options in ([], ["--json"]):
        done = truefrom("-c", path, "stats", *options)
        assert done.returncode == 69
        assert re.match(r"truefrom: policyd\.MetricsSocket unix:\S+: No such file or directory: is the "
                        r"daemon running", done.stderr)
        assert "truefrom-milter" in done.stdout


def test_a_port_where_nobody_listens(tmp_path):
    done = truefrom("stats", f"inet:{free_port()}@127.0.0.1")
    assert done.returncode == 69
    assert "Connection refused: is the daemon running" in done.stderr


@pytest.mark.parametrize("data", [
    b"",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.0 404 Not Found\r\n\r\n" + INFO,
    b"220 mx.example.org ESMTP Postfix\r\n\r\n",
    HEAD,                                               # nothing of ours
    HEAD + INFO[:-1],                                   # cut short
    HEAD + b"go_goroutines 12\n",                       # another exporter
    HEAD + INFO.replace(b"truefrom-milter", b"nginx"),
    HEAD + INFO.replace(b"0.1.0", b"\x1b[2J"),
    HEAD + INFO + b"x nan\n",
    HEAD + INFO + b"x 1e999\n",
    HEAD + INFO + b"x 0x10\n",
    HEAD + INFO + b'x{a="1",b="2",c="3",d="4",e="5"} 1\n',
    HEAD + INFO + b'x{a="1"\n',
    HEAD + INFO + b"x\n",
    HEAD + INFO + b"\xff\xfe 1\n",
])
def test_other_servers_are_not_believed(tmp_path, data):
    with answering(tmp_path, data) as endpoint:
        done = truefrom("stats", endpoint)
    assert done.returncode == 69 and done.stdout == ""
    assert done.stderr == (f"truefrom: {endpoint}: unexpected answer: it is not the MetricsSocket of a "
                           "Truefrom daemon\n")


@pytest.mark.parametrize("data", [b"a" * (2 << 20), HEAD + INFO + b"x 1\n" * 20000],
                         ids=["octets", "samples"])
def test_a_page_without_end_is_cut_off(tmp_path, data):
    with answering(tmp_path, data) as endpoint:
        done = truefrom("stats", endpoint)
    assert done.returncode == 69 and "Argument list too long" not in done.stderr
    assert "too large" in done.stderr


def test_figures_and_shares(tmp_path):
    page = INFO + b"""process_start_time_seconds 0
truefrom_milter_messages_total{result="pass",disposition="none"} 75
truefrom_milter_messages_total{result="fail",disposition="reject"} 25
truefrom_milter_messages_total{result="none",disposition="none"} 0
truefrom_dns_questions_total{result="ok",cached="no"} 10
truefrom_dns_questions_total{result="ok",cached="yes"} 80
truefrom_dns_questions_total{result="nodata",cached="yes"} 10
truefrom_milter_evaluation_seconds_bucket{le="0.001"} 40
truefrom_milter_evaluation_seconds_bucket{le="0.01"} 60
truefrom_milter_evaluation_seconds_bucket{le="+Inf"} 100
truefrom_milter_evaluation_seconds_sum 200
truefrom_milter_evaluation_seconds_count 100
"""
    with answering(tmp_path, HEAD + page) as endpoint:
        text = truefrom("stats", endpoint).stdout
    assert re.search(r"^messages +100\n  result=pass disposition=none +75   75\.0 %\n"
                     r"  result=fail disposition=reject +25   25\.0 %\nignored +0$", text, re.M)
    assert re.search(r"^DNS questions +100\n  result=ok +90   90\.0 %\n  result=nodata +10 ", text, re.M)
    assert re.search(r"^DNS cache +100\n  cached=no +10   10\.0 %\n  cached=yes +90 ", text, re.M)
    # the 50th of 100 is in the middle of the 20 between 1 and 10 ms; the 99th is above all bounds
    assert re.search(r"^evaluation +100  mean 2\.0 s, p50 5\.5 ms, p99 over 20 s$", text, re.M)
    assert "days" in text
    with answering(tmp_path, HEAD + page) as endpoint:
        (daemon,) = json.loads(truefrom("stats", "--json", endpoint).stdout)["daemons"]
    assert daemon["evaluation"] == {"count": 100, "mean": 2.0, "p50": pytest.approx(0.0055),
                                    "p99": None}
    assert daemon["dns_by_cached"] == [{"cached": "no", "count": 10}, {"cached": "yes", "count": 90}]


# --- usage -------------------------------------------------------------------------------------------

def test_wrong_usage_is_64():
    for arguments in (["-x"], ["--xml"], ["nowhere"], ["inet:smtp"], ["unix:relative"]):
        done = truefrom("stats", *arguments)
        assert done.returncode == 64 and done.stdout == "" and done.stderr, arguments


def test_help():
    done = truefrom("stats", "--help")
    assert done.returncode == 0 and "--json" in done.stdout and done.stderr == ""
    assert "stats" in truefrom("-h").stdout


def test_a_wrong_configuration_is_78(tmp_path):
    done = truefrom("-c", write_config(tmp_path, top="Nonsense = 1;"), "stats")
    assert done.returncode == 78 and ":4: " in done.stderr
