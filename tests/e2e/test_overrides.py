"""Exceptions from the general handling of failures (milter.Overrides), through a real Postfix."""

import contextlib
import re
import socket
import struct
import subprocess

import pytest

from lab import AUTHSERV_ID, BUILD, RECIPIENT, TOP, free_port, message
from zones import BAD

EVIL = {"client": BAD, "sender": "x@evil.test"}
REJECTED = "550 5.7.1 rejected by DMARC policy for reject.test"
VERIFIER = "arc.lab.test"  # the authserv-id of a filter that verifies ARC
ALL = "user@rcpt.test", "user@second.test"


def entry(action, **conditions):
    return {"Action": action, **conditions}


@contextlib.contextmanager
def overrides(lab, *entries, **settings):
    """Entries that hold for one test."""
    with lab.milter_settings(Overrides=list(entries), **settings):
        yield


@pytest.fixture
def arc_verifier(lab):
    """Trust fields of VERIFIER, as an OpenARC before us would write them."""
    lab.configure(TrustedAuthservIDs=[AUTHSERV_ID, VERIFIER])
    yield
    lab.settings.pop("TrustedAuthservIDs")
    lab.configure()
    lab.reload(lab.milter)


def fate(lab, reply):
    """rejected, deferred, held, or accepted; with the dis= that we wrote agreeing."""
    if reply.code in (550, 451):
        return "rejected" if reply.code == 550 else "deferred"
    if lab.held(reply):
        assert "dis=quarantine" in lab.queued(reply)
        return "held"
    assert "dis=none" in lab.result(reply)
    return "accepted"


def spoof(lab, author="a@reject.test", fields="", **kwargs):
    """A message that fails; in a session without the OpenDKIM that would remove forged fields."""
    return lab.send(message(author, fields), "nodkim", **{**EVIL, **kwargs})


def override_of(lab, reply):
    """What the log line says of it: the name, or None."""
    found = re.search(r" join=\w+(?: override=(\S+))?(?: hold=\"[^\"]*\")? msgid=", lab.verdict_line(reply.queue_id))
    return found.group(1)


def last_override(lab):
    """As override_of, of a message that was refused, whose queue ID nobody told us."""
    lines = re.findall(r"^truefrom-milter\[\d+\]: \w+: \S+ \w+ policy=.*$", lab.milter.text(), re.M)
    found = re.search(r" override=(\S+) ", lines[-1])
    return found.group(1) if found else None


# --- the actions -----------------------------------------------------------------------------------

@pytest.mark.parametrize("action, enforced, fates", [
    ("enforce", False, ("rejected", "held")),
    ("annotate", True, ("accepted", "accepted")),
    ("quarantine", False, ("held", "held")),
    ("quarantine", True, ("held", "held")),
])
def test_actions(lab, action, enforced, fates):
    with overrides(lab, entry(action, AuthorDomain=["reject.test", "quarantine.test"]),
                   RejectFailures=enforced):
        for author, expected in zip(("reject.test", "quarantine.test"), fates):
            assert fate(lab, spoof(lab, f"a@{author}")) == expected, author
        # what no entry matches: RejectFailures
        other = fate(lab, spoof(lab, "a@strict.test"))
        assert other == ("rejected" if enforced else "accepted")
        # and what passes is let in whatever the action
        reply = lab.send(message("a@reject.test"), "nodkim", sender="user@reject.test")
        assert "dmarc=pass (p=reject dis=none override=#1)" in lab.result(reply)


def test_quarantine_holds_what_quarantine_action_would_reject(lab):
    with overrides(lab, entry("quarantine", AuthorDomain=[".test"]), QuarantineAction="reject"):
        assert fate(lab, spoof(lab)) == "held"
        assert fate(lab, spoof(lab, "a@quarantine.test")) == "held"
    with overrides(lab, entry("quarantine", AuthorDomain=[".test"]), QuarantineAction="accept"):
        assert fate(lab, spoof(lab)) == "accepted"


def test_verdict_left_open(lab):
    """DNS trouble: enforce and quarantine leave it to OnTempError, annotate accepts."""
    entries = [entry("annotate", Client="198.51.100.1"), entry("quarantine", Client="198.51.100.2"),
               entry("enforce", Client="198.51.100.3")]
    lab.configure(Nameservers=[f"127.0.0.1@{free_port()}"], DNSTimeout=1)
    try:
        with overrides(lab, *entries, RejectFailures=False):
            assert fate(lab, spoof(lab, client="198.51.100.1")) == "accepted"
            assert fate(lab, spoof(lab, client="198.51.100.2")) == "deferred"
            assert last_override(lab) == "#2"
            assert fate(lab, spoof(lab, client="198.51.100.3")) == "deferred"
            assert last_override(lab) == "#3"
            assert fate(lab, spoof(lab, client="198.51.100.4")) == "accepted"
        with overrides(lab, *entries, OnTempError="accept"):
            assert fate(lab, spoof(lab, client="198.51.100.2")) == "accepted"
            assert fate(lab, spoof(lab, client="198.51.100.3")) == "accepted"
    finally:
        lab.settings.pop("Nameservers")
        lab.settings.pop("DNSTimeout")
        lab.configure()
        lab.reload(lab.milter)


def test_required_headers_are_another_matter(lab):
    with overrides(lab, entry("annotate", Client=BAD), RequiredHeaders=True):
        assert fate(lab, spoof(lab)) == "accepted"
        reply = spoof(lab, fields="Subject: again\n")
        assert str(reply) == "550 5.7.1 message does not conform to RFC 5322: multiple Subject fields"


# --- the conditions --------------------------------------------------------------------------------

def test_first_match_decides(lab):
    with overrides(lab, entry("quarantine", AuthorDomain="reject.test"),
                   entry("annotate", Client=BAD), entry("enforce", AuthorDomain=".test")):
        assert fate(lab, spoof(lab)) == "held"
        assert fate(lab, spoof(lab, "a@strict.test")) == "accepted"
        assert fate(lab, spoof(lab, "a@strict.test", client="198.51.100.1")) == "rejected"


def test_all_conditions_must_hold(lab):
    with overrides(lab, entry("annotate", AuthorDomain="reject.test", Client=BAD,
                              RecipientDomain="rcpt.test")):
        assert fate(lab, spoof(lab)) == "accepted"
        assert fate(lab, spoof(lab, "a@strict.test")) == "rejected"
        assert fate(lab, spoof(lab, client="198.51.100.1")) == "rejected"
        assert fate(lab, spoof(lab, recipients=["user@second.test"])) == "rejected"


def test_author_domains(lab):
    with overrides(lab, entry("annotate", AuthorDomain=["reject.test", ".sub.test"])):
        assert fate(lab, spoof(lab, "a@reject.test")) == "accepted"
        assert fate(lab, spoof(lab, "a@news.sub.test, b@REJECT.test")) == "accepted"
        assert fate(lab, spoof(lab, "a@sub.test")) == "rejected"
        # nobody hides behind a listed author
        for author in ("a@reject.test, b@strict.test", "a@strict.test, b@reject.test"):
            assert fate(lab, spoof(lab, author)) == "rejected"
            assert last_override(lab) is None
        assert fate(lab, spoof(lab, "a@reject.test", "From: b@strict.test\n")) == "rejected"
    with overrides(lab, entry("enforce", AuthorDomain="reject.test"), RejectFailures=False):
        assert fate(lab, spoof(lab, "a@strict.test")) == "accepted"
        assert fate(lab, spoof(lab, "a@strict.test, b@reject.test")) == "rejected"


def test_clients(lab):
    clients = ["203.0.113.0/24", "!203.0.113.7", "2001:db8:5::/48", ".lists.test"]
    with overrides(lab, entry("annotate", Client=clients)):
        assert fate(lab, spoof(lab, client="203.0.113.1")) == "accepted"
        assert fate(lab, spoof(lab, client="203.0.113.7")) == "rejected"
        assert fate(lab, spoof(lab, client="2001:db8:5::1")) == "accepted"
        assert fate(lab, spoof(lab, client=BAD, name="mx.lists.test")) == "accepted"
        assert fate(lab, spoof(lab, client=BAD, name="lists.test")) == "rejected"
        assert fate(lab, spoof(lab, client=BAD, helo="mx.lists.test")) == "rejected"


def test_recipients(lab):
    with overrides(lab, entry("annotate", RecipientDomain="second.test")):
        assert fate(lab, spoof(lab)) == "rejected"
        assert fate(lab, spoof(lab, recipients=["user@Second.test", "b@second.test"])) == "accepted"
        assert fate(lab, spoof(lab, recipients=ALL)) == "rejected"
        # each message has its own recipients
        with lab.session("nodkim", client=BAD) as session:
            for recipient, expected in [("a@second.test", 250), ("a@rcpt.test", 550),
                                        ("a@second.test", 250)]:
                reply = session.send(message("a@reject.test"), "x@evil.test", [recipient])
                assert reply.code == expected, recipient
    with overrides(lab, entry("enforce", RecipientDomain="second.test"), RejectFailures=False):
        assert fate(lab, spoof(lab)) == "accepted"
        assert fate(lab, spoof(lab, recipients=ALL)) == "rejected"


def asks_for_recipients(lab):
    """Does the milter negotiate RCPT events, as Postfix would do it?"""
    offer = struct.pack("!IcIII", 13, b"O", 6, 0x1ff, 0x1fffff)
    with socket.socket(socket.AF_UNIX) as milter:
        milter.settimeout(20)
        milter.connect(f"{lab.sockets}/milter.sock")
        milter.sendall(offer)
        answer = milter.recv(17, socket.MSG_WAITALL)
    protocol = struct.unpack("!IcIII", answer)[4]
    assert protocol & 0x8008 in (0x0008, 0x8000)  # not at all, or without a reply
    return protocol & 0x0008 == 0


def test_recipients_are_asked_for(lab):
    """The log names the first one, whatever Overrides has."""
    assert asks_for_recipients(lab)


def test_mailing_list(lab):
    conditions = {"ListId": ".lists.test", "Client": "203.0.113.0/24"}
    ours = 'List-Id: "The <best> list"\n\t<dmarc.Lists.test>\n'
    with overrides(lab, entry("annotate", Name="lists", **conditions)):
        reply = spoof(lab, fields=ours, client="203.0.113.1")
        assert fate(lab, reply) == "accepted"
        assert override_of(lab, reply) == "lists"
        # a forged List-Id does not help another client, nor another list that client
        assert fate(lab, spoof(lab, fields=ours)) == "rejected"
        assert fate(lab, spoof(lab, client="203.0.113.1")) == "rejected"
        other = "List-Id: <lists.test.evil.test>\n"
        assert fate(lab, spoof(lab, fields=other, client="203.0.113.1")) == "rejected"
        assert fate(lab, spoof(lab, fields=ours + other, client="203.0.113.1")) == "rejected"


def verified(results):
    return f"Authentication-Results: {VERIFIER}; {results}\n"


def seals(*domains):
    """ARC-Seal fields, the first domain's at the bottom."""
    text = "ARC-Seal: i={}; a=rsa-sha256; t=1; cv={};\n\td={}; s=s1; b=dGVz dA==\n"
    return "".join(text.format(i, "pass" if i > 1 else "none", domain)
                   for i, domain in reversed(list(enumerate(domains, 1))))


@pytest.mark.parametrize("fields", [
    verified("arc=pass smtp.remote-ip=192.0.2.1 arc.chain=forwarder.test"),
    verified('arc=pass header.oldest-pass=0 arc.chain="Forwarder.test:list.test"'),
    verified("arc=pass arc.chain=:forwarder.test:list.test"),
    verified("arc=pass arc.chain=forwarder.test") + seals("evil.test"),
    verified("arc=pass") + seals("forwarder.test"),
    verified('arc=pass ("evil.test:s=s1:i=2")') + seals("list.test", "forwarder.test"),
    verified("arc=pass") + verified("dkim=none; arc=pass") + seals("forwarder.test"),
])
def test_verified_sealer(lab, arc_verifier, fields):
    with overrides(lab, entry("annotate", Name="sealer", ARCSealer="forwarder.test")):
        reply = spoof(lab, fields=fields)
        assert fate(lab, reply) == "accepted"
        assert override_of(lab, reply) == "sealer"


@pytest.mark.parametrize("fields", [
    seals("forwarder.test"),
    verified("arc=fail arc.chain=forwarder.test") + seals("forwarder.test"),
    verified("arc=none") + seals("forwarder.test"),
    verified("arc=pass") + verified("arc=fail") + seals("forwarder.test"),
    # forged in the verifier's name, and not removed: the true field stands against it
    verified("arc=none") + verified("arc=pass arc.chain=forwarder.test"),
    verified("arc=pass") + verified("arc=pass arc.chain=forwarder.test") + seals("evil.test"),
    verified("arc=pass arc.chain=evil.test") + verified("arc=pass arc.chain=forwarder.test"),
    verified("arc=pass"),
    verified('arc=pass ("forwarder.test:s=s1:i=1")'),
    verified("arc=pass") + seals("evil.test"),
    verified("arc=pass") + seals("forwarder.test", "evil.test"),
    verified("arc=pass arc.chain=evil.test:forwarder.test") + seals("forwarder.test"),
    verified("arc=pass") + seals("forwarder.test") + seals("evil.test"),
    verified("arc=pass") + seals("evil.test") + "ARC-Seal: i=9; d=forwarder.test\n",
    verified("arc=pass") + seals("evil.test") + "ARC-Seal : " + seals("x.test", "forwarder.test")[10:],
    verified("arc=pass") + seals("forwarder.test").replace("d=", "d=evil.test; D="),
    verified("arc=pass").replace(VERIFIER, "elsewhere.test") + seals("forwarder.test"),
    verified("arc=pass (").replace("(", "(unended") + seals("forwarder.test"),
])
def test_sealer_that_is_not_verified(lab, arc_verifier, fields):
    with overrides(lab, entry("annotate", ARCSealer="forwarder.test")):
        assert fate(lab, spoof(lab, fields=fields)) == "rejected"
        assert last_override(lab) is None


# --- how it shows ----------------------------------------------------------------------------------

def test_log_and_field(lab):
    with overrides(lab, entry("annotate", Name="first-step", AuthorDomain="reject.test"),
                   entry("quarantine", AuthorDomain="strict.test")):
        reply = spoof(lab)
        assert lab.result(reply) == (
            f"{AUTHSERV_ID}; spf=pass smtp.mailfrom=x@evil.test; dmarc=fail (p=reject dis=none "
            "override=first-step) header.from=reject.test policy.dmarc=reject")
        assert lab.verdict_line(reply.queue_id) == (
            f"{reply.queue_id}: reject.test fail policy=reject disposition=none spf=pass/evil.test "
            f"dkim=none/- client={BAD} join=queueid override=first-step msgid=<> to=<{RECIPIENT}>")
        reply = spoof(lab, "a@strict.test")
        assert lab.held(reply)
        assert "(p=reject dis=quarantine override=#2)" in lab.queued(reply)
        assert override_of(lab, reply) == "#2"
        reply = spoof(lab, "a@none.test")
        assert "override" not in lab.result(reply)
        assert override_of(lab, reply) is None


# --- the configuration -----------------------------------------------------------------------------

def test_reload_takes_over_changed_entries(lab):
    """In a session that is open, from its next message on; recipients too."""
    def code(session):
        return session.send(message("a@reject.test"), sender="x@evil.test").code
    with lab.session("nodkim", client=BAD) as session:
        assert code(session) == 550
        with overrides(lab, entry("annotate", AuthorDomain="reject.test")):
            assert code(session) == 250
            with overrides(lab, entry("annotate", AuthorDomain="strict.test")):
                assert code(session) == 550
            with overrides(lab, entry("annotate", RecipientDomain="rcpt.test")):
                assert code(session) == 250
            assert code(session) == 250
        assert code(session) == 550


def test_bad_entry_leaves_the_old_ones_in_force(lab):
    before = dict(lab.settings["milter"])
    with overrides(lab, entry("annotate", AuthorDomain="reject.test")):
        lab.reload(lab.milter, f"error: {lab.config_path}: not reloaded", milter={"Overrides": [entry("annotate", ListId=".lists.test")]})
        assert "Overrides: ListId: anyone can write that field" in lab.milter.text()
        assert spoof(lab).code == 250
    assert lab.settings["milter"] == before


def test_examples_of_the_manual_are_valid(tmp_path):
    with open(f"{TOP}/doc/man/truefrom.conf.5", encoding="utf-8") as file:
        section = file.read().split(".Sh OVERRIDES")[1].split("\n.Sh ")[0]
    examples = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", section, re.S | re.M)
    assert len(examples) == 3
    for number, text in enumerate(examples):
        path = tmp_path / str(number)
        path.write_text(text.replace("milter: {", 'milter: { Socket = "local:/m";'))
        run = subprocess.run([f"{BUILD}/milter/truefrom-milter", "-t", "-c", str(path)], timeout=20,
                             check=False, stderr=subprocess.PIPE, text=True)
        assert (run.returncode, run.stderr) == (0, "")
