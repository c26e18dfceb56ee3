"""Running it: options, signals, sockets, and the policy service's actions as Postfix carries them out."""

import re
import signal
import subprocess

import pytest

from lab import BUILD, Lab, message, wait_for
from zones import BAD, ZONE

PROGRAMS = ["policyd/truefrom-policyd", "milter/truefrom-milter", "cli/truefrom"]


@pytest.fixture
def policyd_settings(lab):
    """policyd options that hold for one test."""
    before = dict(lab.settings["policyd"])

    def change(**settings):
        lab.reload(lab.policyd, policyd=settings)
    yield change
    lab.settings["policyd"] = before
    lab.reload(lab.policyd)


def test_received_spf_once_a_message(lab, policyd_settings):
    policyd_settings(AddReceivedSPF=True)
    recipients = [f"user{n}@rcpt.test" for n in range(5)]
    for attachment in ("documented", "recipient", "data"):
        reply = lab.send(message("a@honest.test"), attachment, recipients=recipients)
        fields = lab.delivered(reply).get_all("Received-SPF")
        assert len(fields) == 1, (attachment, fields)
        assert re.sub(r"\s+", " ", fields[0]).startswith(
            "pass (mailfrom) identity=mailfrom; receiver=mx.lab.test; client-ip=192.0.2.10;")
        assert "dmarc=pass" in lab.result(reply)


def test_reject_spf_fail(lab, policyd_settings):
    policyd_settings(RejectSPFFail=True)
    reply = lab.send(message("a@none.test"), client=BAD, sender="user@honest.test")
    assert reply.code == 554
    assert "5.7.23" in reply.text
    assert "SPF fail: honest.test does not allow mail from 198.51.100.66" in reply.text
    assert lab.send(message("a@honest.test")).code == 250


def test_bad_configuration_leaves_the_old_one_in_force(lab):
    with open(lab.config_path, encoding="utf-8") as file:
        good = file.read()
    try:
        with open(lab.config_path, "a", encoding="utf-8") as file:
            file.write("Nonsense = 1;\n")
        for daemon in (lab.milter, lab.policyd):
            before = daemon.text().count("not reloaded")
            daemon.send_signal(signal.SIGHUP)
            wait_for(lambda d=daemon, b=before: d.text().count("not reloaded") > b, "the complaint")
            assert re.search(r"truefrom\.conf:\d+: Nonsense", daemon.text())
    finally:
        with open(lab.config_path, "w", encoding="utf-8") as file:
            file.write(good)
    reply = lab.send(message("a@reject.test"), client=BAD, sender="x@evil.test")
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"


def test_live_socket_of_the_milter_is_an_error(lab):
    first = lab.milter
    with pytest.raises(RuntimeError, match="another process is listening there"):
        lab.start_milter()
    lab.milter = first
    assert lab.send(message("a@honest.test")).code == 250


def test_reload_in_the_middle_of_a_message(lab):
    """The message finishes with the settings that it began with; no connection is lost."""
    with lab.session(client=BAD) as session:
        session.command("MAIL FROM:<x@evil.test>")
        session.command("RCPT TO:<user@rcpt.test>")
        with lab.milter_settings(RejectFailures=False):
            session.command("DATA")
            session.smtp.send(message("a@reject.test").replace("\n", "\r\n").encode() + b".\r\n")
            assert session.smtp.getreply()[0] == 550
            assert session.send(message("a@reject.test"), sender="x@evil.test").code == 250


def test_ends_with_0_and_removes_its_socket():
    with Lab(ZONE, AuthservID=None) as lab:
        assert re.search(r"implicit authentication service: \S+", lab.milter.text())
        assert lab.send(message("a@honest.test")).code == 250
        milter, policyd = lab.milter, lab.policyd
        assert (lab.stop_milter(), lab.stop_policyd(signal.SIGINT)) == (0, 0)
        assert milter.process.returncode == policyd.process.returncode == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_options(program, tmp_path):
    def run(*arguments):
        return subprocess.run([f"{BUILD}/{program}", *arguments], timeout=20, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text('policyd: { Socket = "local:/p"; };\nmilter: { Socket = "local:/m"; };\n')
    bad.write_text("\nDNSTimeout = true;\n")
    assert re.match(r"truefrom(-\w+)? \d+\.\d+\.\d+\n$", run("-V").stdout)
    assert run("-h").returncode == 0 and "usage: " in run("-h").stdout
    assert (run("-t", "-c", str(good)).returncode, run("-t", "-c", str(good)).stderr) == (0, "")
    assert run("-t", "-c", str(bad)).returncode == 78
    assert f"{bad}:2: DNSTimeout: " in run("-t", "-c", str(bad)).stderr
    assert run("-t", "-c", str(tmp_path / "none")).returncode == 78
    assert run("-x").returncode == 64
