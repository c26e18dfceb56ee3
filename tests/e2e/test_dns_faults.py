"""What DNS trouble does to mail: a DNS failure is a temporary error, never 'no policy'."""

import copy
import json
import os
import re
import subprocess
import sys
import time

import pytest

from lab import HERE, Lab, message
from zones import BAD, GOOD, ZONE

FAULTDNS = os.path.join(HERE, "..", "support", "faultdns.py")
EVIL = {"client": BAD, "sender": "x@evil.test"}
OPEN = "451 4.7.1 DMARC policy for reject.test cannot be determined now, try again later"


class FaultLab(Lab):
    """A laboratory whose daemons ask a DNS server that misbehaves on demand."""

    def __init__(self, **settings):
        self.fault_process = None
        super().__init__(ZONE, **settings)

    def _start(self, settings):
        self._prepare_folders()
        self.set_faults({}, signal=False)
        self.fault_process = subprocess.Popen(
            ["/usr/bin/python3", FAULTDNS, "--zone", f"{self.folder}/faults.json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        port = int(self.fault_process.stdout.readline().split()[1])
        self._start_nsd()
        self._start_opendkim()
        self.configure(Nameservers=[f"127.0.0.1@{port}"], DNSTimeout=1, **settings)
        self.start_policyd()
        self.start_milter()
        self._start_postfix()

    def set_faults(self, faults, signal=True):
        zone = {"$ttl": 0, "$negative-ttl": 0}
        for name, records in ZONE.items():
            zone[name.encode("idna").decode() if not name.isascii() else name] = {
                kind: [value] if isinstance(value, str) else value
                for kind, value in copy.deepcopy(records).items()}
        for name, entry in faults.items():
            zone.setdefault(name, {}).update(entry)
        with open(f"{self.folder}/faults.json", "w", encoding="utf-8") as file:
            json.dump(zone, file)
        if signal:
            self.fault_process.send_signal(1)
            assert self.fault_process.stdout.readline().strip() == "RELOADED"

    def close(self):
        super().close()
        if self.fault_process:
            self.fault_process.terminate()
            self.fault_process.wait()
            self.fault_process.stdout.close()


@pytest.fixture(scope="module")
def fault_lab():
    with FaultLab() as lab:
        yield lab


@pytest.fixture
def lab(fault_lab):
    yield fault_lab
    fault_lab.set_faults({})
    assert fault_lab.milter.process.poll() is None
    assert fault_lab.policyd.process.poll() is None


@pytest.mark.parametrize("fault", ["servfail", "refused", "silent", "garbage", "noise", "formerr",
                                   "wrong-question", "wrong-id", "truncate-always", "lame",
                                   "cname-loop", "delay:4"])
def test_record_of_the_author_cannot_be_had(lab, fault):
    lab.set_faults({"_dmarc.reject.test": {"fault": fault}})
    assert str(lab.send(message("a@reject.test"), **EVIL)) == OPEN


def test_honest_mail_passes_all_the_same_when_the_answer_is_late_or_cut(lab):
    for fault in ("delay:0.3", "truncate", "no-edns"):
        lab.set_faults({"_dmarc.honest.test": {"fault": fault}, "honest.test": {"fault": fault}})
        assert "dmarc=pass" in lab.result(lab.send(message("a@honest.test")))


def test_parent_cannot_be_asked(lab):
    lab.set_faults({"_dmarc.sub.test": {"fault": "servfail"}})
    reply = lab.send(message("a@news.sub.test"), **EVIL)
    assert reply.code == 451


def test_spf_cannot_be_had(lab):
    """Without a DKIM pass, a temporary failure of SPF leaves the verdict open; with one it is
    decided."""
    lab.set_faults({"reject.test": {"fault": {"TXT": "servfail"}}})
    assert str(lab.send(message("a@reject.test"), sender="user@reject.test")) == OPEN
    signed = lab.sign(message("a@reject.test"))
    assert "dmarc=pass" in lab.result(lab.send(signed, sender="user@reject.test"))


def test_spf_failure_that_cannot_align_does_not_matter(lab):
    lab.set_faults({"evil.test": {"fault": {"TXT": "servfail"}}})
    reply = lab.send(message("a@reject.test"), **EVIL)
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"


def test_temporary_spf_error_is_stored(lab):
    lab.set_faults({"honest.test": {"fault": {"TXT": "servfail"}}})
    assert lab.send(message("a@honest.test")).code == 451
    assert re.search(r"honest.test temperror .*spf=temperror/honest.test .*join=queueid",
                     lab.milter.text())


def test_trouble_ends_and_the_retry_succeeds(lab):
    lab.set_faults({"_dmarc.honest.test": {"fault": "servfail"},
                    "honest.test": {"fault": "servfail"}})
    assert lab.send(message("a@honest.test")).code == 451
    lab.set_faults({})
    time.sleep(1.2)  # a failure is remembered for a second at most
    assert "dmarc=pass" in lab.result(lab.send(message("a@honest.test")))


def test_on_temp_error_accept(lab):
    lab.set_faults({"_dmarc.reject.test": {"fault": "servfail"}})
    with lab.milter_settings(OnTempError="accept"):
        reply = lab.send(message("a@reject.test"), **EVIL)
        assert "dmarc=temperror" in lab.result(reply)


def test_on_temp_error_accept_holds_what_names_a_broken_name_below_a_policy(lab):
    lab.set_faults({"_dmarc.broken.reject.test": {"fault": "servfail"}})
    with lab.milter_settings(OnTempError="accept"):
        reply = lab.send(message("a@broken.reject.test"), **EVIL)
        assert lab.held(reply)
        reply = lab.send(message("a@quarantine.test", fields="").replace(
            "From: a@quarantine.test", "From: a@quarantine.test, b@broken.reject.test"), **EVIL)
        assert lab.held(reply)


def test_failure_of_the_top_level_defers_nobody(lab):
    lab.set_faults({"_dmarc.test": {"fault": "servfail"}})
    reply = lab.send(message("a@honest.test"), sender="user@mta.honest.test")
    assert "dmarc=pass (p=reject" in lab.result(reply)
    assert str(lab.send(message("a@reject.test"), **EVIL)) == \
        "550 5.7.1 rejected by DMARC policy for reject.test"
    assert "dmarc=temperror" in lab.result(lab.send(message("a@nopolicy.test"), **EVIL))


def test_failure_above_a_shared_record_does_not_matter(lab):
    lab.set_faults({"_dmarc.shared.honest.test": {"TXT": ["v=DMARC1; p=reject"]},
                    "x.shared.honest.test": {"TXT": [f"v=spf1 ip4:{GOOD} -all"]},
                    "_dmarc.honest.test": {"fault": "servfail"}})
    reply = lab.send(message("a@shared.honest.test"), sender="user@x.shared.honest.test")
    assert "dmarc=pass" in lab.result(reply)


def test_without_reject_failures_nothing_is_refused(lab):
    lab.set_faults({"_dmarc.reject.test": {"fault": "servfail"}})
    with lab.milter_settings(RejectFailures=False):
        reply = lab.send(message("a@reject.test"), **EVIL)
        assert "dmarc=temperror" in lab.result(reply)


def test_large_answer_over_tcp(lab):
    records = [f"junk {n} " + "x" * 970 for n in range(62)]
    lab.set_faults({"_dmarc.reject.test": {"TXT": records + ["v=DMARC1; p=reject"]}})
    assert lab.send(message("a@reject.test"), **EVIL).code == 550


def test_silent_server_holds_up_nobody_else(lab):
    """20 messages wait for a silent server; an honest one in between does not."""
    lab.set_faults({"slow.test": {"fault": "silent"}, "_dmarc.slow.test": {"fault": "silent"}})
    sessions = [lab.session(client=BAD) for _ in range(20)]
    try:
        for number, session in enumerate(sessions):
            session.command("MAIL FROM:<x@slow.test>")
            session.smtp.send(b"RCPT TO:<user%d@rcpt.test>\r\n" % number)
        begun = time.monotonic()
        reply = lab.send(message("a@honest.test"))
        took = time.monotonic() - begun
        assert reply.code == 250
        assert [session.smtp.getreply()[0] for session in sessions] == [250] * 20
        assert time.monotonic() - begun >= took
    finally:
        for session in sessions:
            session.close()
    assert "dmarc=pass" in lab.result(reply)


