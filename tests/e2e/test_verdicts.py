"""What becomes of honest and of spoofed mail, sent by SMTP through a real Postfix."""

import re

import pytest

from lab import AUTHSERV_ID, RECIPIENT, message
from zones import BAD, GOOD, GOOD6

EVIL = {"client": BAD, "sender": "x@evil.test"}  # passes SPF, but for evil.test


def dmarc(lab, reply):
    """The dmarc= part of the field that we added."""
    return re.search(r"dmarc=.*", lab.result(reply)).group(0)


def test_aligned_spf_pass(lab):
    reply = lab.send(message("a@honest.test"))
    assert lab.result(reply) == (
        f"{AUTHSERV_ID}; spf=pass smtp.mailfrom=user@honest.test; "
        "dmarc=pass (p=reject dis=none) header.from=honest.test policy.dmarc=reject")
    assert lab.verdict_line(reply.queue_id) == (
        f"{reply.queue_id}: honest.test pass policy=reject disposition=none spf=pass/honest.test "
        f"dkim=none/- client={GOOD} join=queueid msgid=<> to=<{RECIPIENT}>")


def tail(lab, text, **kwargs):
    """What operators search by, at the end of the log line."""
    line = lab.verdict_line(lab.send(text, **kwargs).queue_id)
    return re.search(r" join=queueid( .*)$", line).group(1)


def test_message_id_and_first_recipient_in_the_log(lab):
    def message_id(value, **kwargs):
        return tail(lab, message("a@honest.test", f"Message-ID: {value}\n"), **kwargs)
    assert message_id("<1.2@honest.test>") == f" msgid=<1.2@honest.test> to=<{RECIPIENT}>"
    assert message_id("\n <1.2@honest.test>\n\t", recipients=("first@rcpt.test", "second@rcpt.test")) == \
        " msgid=<1.2@honest.test> to=<first@rcpt.test>"
    assert message_id("no brackets") == f" msgid=<no%20brackets> to=<{RECIPIENT}>"
    first = message_id("<first@x>\nMessage-ID: <second@x>")
    assert first == f" msgid=<first@x> to=<{RECIPIENT}>"


def test_nothing_in_a_message_id_forges_a_log_line(lab):
    evil = tail(lab, message("a@honest.test", 'Message-ID: <x" join=self>\n\tto=<y@z> caf\u00e9 100%\\\n').encode())
    assert evil == f" msgid=<x%22%20join=self> to=<{RECIPIENT}>"
    long = tail(lab, message("a@honest.test", f"Message-ID: <{'a' * 900}@x>\n"))
    assert re.fullmatch(rf" msgid=<a{{240,250}}\.\.\.> to=<{RECIPIENT}>", long)
    octets = tail(lab, message("a@honest.test", "Message-ID: <\u00e9\x01@x>\n").encode())
    assert octets == f" msgid=<%C3%A9%01@x> to=<{RECIPIENT}>"


def test_aligned_spf_pass_over_ipv6(lab):
    reply = lab.send(message("a@honest.test"), client=GOOD6)
    assert "spf=pass" in lab.result(reply)
    assert dmarc(lab, reply).startswith("dmarc=pass")


def test_relaxed_alignment_of_a_subdomain(lab):
    reply = lab.send(message("a@news.sub.test"), sender="bounce@sub.test")
    assert dmarc(lab, reply) == \
        "dmarc=pass (p=quarantine dis=none) header.from=news.sub.test policy.dmarc=quarantine"


def test_strict_alignment_refuses_a_subdomain(lab):
    reply = lab.send(message("a@strict.test"), sender="x@mail.strict.test")
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for strict.test"


def test_aligned_dkim_pass(lab):
    signed = lab.sign(message("a@reject.test"))
    reply = lab.send(signed, sender="bounce@esp.test")
    assert dmarc(lab, reply) == \
        "dmarc=pass (p=reject dis=none) header.from=reject.test policy.dmarc=reject"
    assert "dkim=pass/reject.test" in lab.verdict_line(reply.queue_id)


def test_dkim_pass_with_spf_fail(lab):
    signed = lab.sign(message("a@reject.test"))
    reply = lab.send(signed, client=BAD, sender="user@reject.test")
    assert "spf=fail smtp.mailfrom=user@reject.test; dmarc=pass" in lab.result(reply)


def test_spf_pass_with_dkim_fail(lab):
    signed = lab.sign(message("a@reject.test"))
    reply = lab.send(signed.replace(b"Hello.", b"Tampered."), sender="user@reject.test")
    assert "dkim=fail" in lab.results(reply)[1]
    assert "spf=pass smtp.mailfrom=user@reject.test; dmarc=pass" in lab.result(reply)


def test_both_fail(lab):
    signed = lab.sign(message("a@reject.test"))
    reply = lab.send(signed.replace(b"Hello.", b"Tampered."), client=BAD, sender="user@reject.test")
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"


def test_dkim_of_another_domain_does_not_help(lab):
    signed = lab.sign(message("a@evil.test"))
    spoof = signed.replace(b"From: a@evil.test", b"From: a@reject.test")
    reply = lab.send(spoof, **EVIL)
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"


def test_reject_spoof(lab):
    reply = lab.send(message("The bank <a@reject.test>"), **EVIL)
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"
    assert re.search(r"reject\.test fail policy=reject disposition=reject spf=pass/evil\.test "
                     rf"dkim=none/- client={BAD} join=queueid", lab.milter.text())


def test_quarantine_spoof_is_held(lab):
    reply = lab.send(message("a@quarantine.test"), **EVIL)
    assert reply.code == 250
    assert lab.held(reply)
    assert "disposition=quarantine" in lab.verdict_line(reply.queue_id)
    assert ' hold="quarantined by DMARC policy for quarantine.test" msgid=' in lab.verdict_line(reply.queue_id)
    assert "dmarc=fail (p=quarantine dis=quarantine)" in lab.queued(reply)


def test_none_spoof_is_delivered(lab):
    reply = lab.send(message("a@none.test"), **EVIL)
    assert dmarc(lab, reply) == \
        "dmarc=fail (p=none dis=none) header.from=none.test policy.dmarc=none"


def test_policy_in_testing_mode_is_one_step_milder(lab):
    """RFC 9989 4.7: with t=y, reject is treated as quarantine."""
    reply = lab.send(message("a@testing.test"), **EVIL)
    assert lab.held(reply)
    assert "(p=reject dis=quarantine) header.from=testing.test policy.dmarc=quarantine" \
        in lab.queued(reply)


def test_no_policy(lab):
    reply = lab.send(message("a@nopolicy.test"), **EVIL)
    assert dmarc(lab, reply) == "dmarc=none (p=none dis=none) header.from=nopolicy.test"


def test_policy_of_existing_subdomains(lab):
    reply = lab.send(message("a@news.sub.test"), **EVIL)
    assert lab.held(reply)


def test_policy_of_nonexistent_subdomains(lab):
    reply = lab.send(message("a@nothing-here.sub.test"), **EVIL)
    assert dmarc(lab, reply) == \
        "dmarc=fail (p=none dis=none) header.from=nothing-here.sub.test policy.dmarc=none"


def test_null_sender_is_evaluated_by_helo(lab):
    reply = lab.send(message("postmaster@honest.test"), sender="", helo="mta.honest.test")
    assert lab.result(reply) == (
        f"{AUTHSERV_ID}; spf=pass smtp.helo=mta.honest.test; "
        "dmarc=pass (p=reject dis=none) header.from=honest.test policy.dmarc=reject")


def test_null_sender_spoof(lab):
    reply = lab.send(message("postmaster@reject.test"), sender="", client=BAD,
                     helo="mta.honest.test")
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"


def test_helo_of_the_author_does_not_help_another_sender(lab):
    """CVE-2019-20790: the HELO identity counts for the null sender only."""
    reply = lab.send(message("a@honest.test"), client=GOOD, sender="x@nopolicy.test",
                     helo="mta.honest.test")
    assert reply.code == 550


@pytest.mark.parametrize("action, outcome", [("reject", "550"), ("hold", "held"), ("accept", "250")])
@pytest.mark.parametrize("policy", ["reject", "quarantine"])
def test_actions(lab, policy, action, outcome):
    option = "RejectAction" if policy == "reject" else "QuarantineAction"
    with lab.milter_settings(**{option: action}):
        reply = lab.send(message(f"a@{policy}.test"), **EVIL)
    if outcome == "550":
        assert str(reply) == f"550 5.7.1 rejected by DMARC policy for {policy}.test"
    elif outcome == "held":
        assert lab.held(reply)
    else:
        assert f"(p={policy} dis=none)" in lab.result(reply)


def test_without_reject_failures_mail_is_only_annotated(lab):
    with lab.milter_settings(RejectFailures=False):
        reply = lab.send(message("a@reject.test"), **EVIL)
        assert dmarc(lab, reply) == \
            "dmarc=fail (p=reject dis=none) header.from=reject.test policy.dmarc=reject"


def test_reject_string(lab):
    with lab.milter_settings(RejectString="go away, fake %s!"):
        reply = lab.send(message("a@reject.test"), **EVIL)
    assert str(reply) == "550 5.7.1 go away, fake reject.test!"


def test_copy_of_failures(lab):
    with lab.milter_settings(CopyFailuresTo="audit@rcpt.test", RejectAction="accept"):
        reply = lab.send(message("a@reject.test"), **EVIL)
        lab.delivered(reply)
        assert lab.logged(rf"{reply.queue_id}: to=<audit@rcpt.test>")
        reply = lab.send(message("a@honest.test"))
        lab.delivered(reply)
        assert not lab.logged(rf"{reply.queue_id}: to=<audit@rcpt.test>", wait=False)


def test_international_domain_is_shown_as_a_labels(lab):
    reply = lab.send(message("a@bücher.test"), **EVIL)
    assert "header.from=xn--bcher-kva.test" in lab.result(reply)
