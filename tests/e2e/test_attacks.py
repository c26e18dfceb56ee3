"""Known attacks on receivers, through a real Postfix: those of 'Composition Kills' (Chen, Paxson, Jiang,
USENIX Security 2020; A1 to A18 by what they exploit) that a receiver can stop, and the holes that
OpenDMARC had. reject.test has p=reject; the attacker owns evil.test and passes SPF for it.

An attack is stopped when the message is refused, or when what is delivered neither says that DMARC
passed nor lets its From field be taken for reject.test.
"""

import contextlib
import re
import smtplib

import pytest

from lab import message
from zones import BAD

EVIL = "x@evil.test"
REST = b"Date: Mon, 23 Nov 2026 10:00:00 +0000\nTo: user@rcpt.test\nSubject: test\n\nHello.\n"


def stopped(lab, text, sender=EVIL, attachment="nodkim", **kwargs):
    reply = lab.send(text, attachment, sender=sender, client=BAD, **kwargs)
    if reply.code == 550:
        return True
    if reply.code != 250:  # refused by Postfix itself
        return 500 <= reply.code < 600
    if lab.held(reply):
        return True
    shown = str(lab.delivered(reply)["From"] or "")
    ours = lab.result(reply)
    return "dmarc=pass" not in ours and "reject.test" not in shown


def spoof(field):
    return field + b"\n" + REST


# --- the results that components hand on ----------------------------------------------------------------

def test_a1_sub_domain_that_does_not_exist(lab):
    assert stopped(lab, message("a@no-such-name.reject.test"), sender="x@no-such-name.reject.test")


def test_a2_null_sender_with_the_attackers_helo(lab):
    assert stopped(lab, message("a@reject.test"), sender="", helo="evil.test")


@pytest.mark.parametrize("domain", [
    "reject.test\\0.evil.test",         # A3: NUL
    "reject.test(.evil.test",           # A4: a comment begun in the domain
    "reject.test(x).evil.test",
    'reject.test".evil.test',           # A5: a quote in the domain
    "reject.test'.evil.test",
    "reject.test;.evil.test",
    "reject.test .evil.test",
    "reject.test\\.evil.test",
])
def test_a3_a4_a5_domains_in_dkim_results(lab, domain):
    """A DKIM milter that we trust may write a signature's domain down as it was."""
    field = f"Authentication-Results: mx.lab.test; dkim=pass header.d={domain} header.s=s1\n"
    assert stopped(lab, message("a@reject.test", field))


@pytest.mark.parametrize("sender", [
    "reject.test(.evil.test",           # A6: the same in the sender
    "x@reject.test(.evil.test",
    "reject.test'@evil.test",           # A7
    '"x@reject.test;"@evil.test',
    '"@reject.test"@evil.test',
    '"x\\"@reject.test"@evil.test',
    "@reject.test,@any.test:x@evil.test",  # A8: a route in the sender
    "x@evil.test@reject.test",
    "x%reject.test@evil.test",
])
def test_a6_a7_a8_domains_in_the_sender(lab, sender):
    assert stopped(lab, message("a@reject.test"), sender=sender)


# --- the From field that the reader sees ------------------------------------------------------------------

@pytest.mark.parametrize("fields", [
    b"From: a@reject.test\nFrom: a@evil.test",            # A9: several From fields
    b"From: a@evil.test\nFrom: a@reject.test",
    b"From : a@reject.test\nFrom: a@evil.test",           # A10: with white space around the name
    b"From: a@evil.test\nFrom : a@reject.test",
    b"From\t: a@reject.test",
    b"From:\n a@reject.test",
    b"FROM: a@reject.test",
    b"From: a@evil.test,a@reject.test",                   # A12: several addresses
    b"From: a@reject.test,a@evil.test",
    b"From: a@reject.test, ",
    b"From: ,a@reject.test",
    b"From: =?utf-8?b?YUByZWplY3QudGVzdA==?=, a@reject.test",  # A13: encoded words
    b"From: =?utf-8?Q?x?= <a@reject.test>",
    b"From: <@reject.test,@any.test:a@evil.test>, <a@reject.test>",  # A14: a route
    b"From: <@evil.test:a@reject.test>",
    b"From: <a@reject.test>\\,<b@evil.test>",             # A15: quoted pairs
    b"From: \"a\\@evil.test\" <a@reject.test>",
    b"From: <a@reject.test>b@evil.test",                  # A16: which of two parts counts
    b"From: b@evil.test<a@reject.test>",
    b"From: <a@reject.test><b@evil.test>",
    b"From: a@reject.test (b@evil.test)",
    b"From: (b@evil.test) a@reject.test",
    b"From: <a@reject.test",                              # A17: brackets that do not match
    b"From: a@reject.test>",
    b"From: a@evil.test\x00, a@reject.test",
    b"From: a@reject.test.",
    b"From: a@reject.test\x00.evil.test",
    b"From: a@reject.test:b@evil.test;",
    b"From: group: a@reject.test, b@evil.test;",
    b"From: \"x\" \"y\" <a@reject.test>",
    b"From: a @ reject . test",
    b"From: a@[192.0.2.1], b@reject.test",
    b"From: a@REJECT.TEST",
    b"From: a@reject\xe3\x80\x82test",                    # an ideographic full stop
    b"From: a@\xef\xbd\x92eject.test",                    # a full-width letter
])
def test_a9_to_a17_from_fields(lab, fields):
    assert stopped(lab, spoof(fields)), fields


def test_a11_other_fields_do_not_stand_in_for_from(lab):
    """Sender and Resent-From are not the author; without From there is none."""
    for field in (b"Sender: a@evil.test\nFrom: a@reject.test",
                  b"Resent-From: a@evil.test\nFrom: a@reject.test"):
        assert stopped(lab, spoof(field)), field
    reply = lab.send(spoof(b"Sender: a@evil.test"), "nodkim", client=BAD, sender=EVIL)
    assert "dmarc=permerror" in lab.result(reply)


def test_a18_replay_with_another_from(lab):
    """A real signature of reject.test, replayed with a From field added or changed."""
    signed = lab.sign(message("a@reject.test"))
    for text in (b"From: b@evil.test\r\n" + signed,
                 signed.replace(b"From: a@reject.test", b"From: b@evil.test, a@reject.test"),
                 signed.replace(b"From: a@reject.test", b"From: a@sub.reject.test")):
        assert stopped(lab, text, attachment="documented")


# --- OpenDMARC's holes -------------------------------------------------------------------------------------

def test_cve_2019_16378_several_addresses_in_from(lab):
    assert stopped(lab, message("a@evil.test, a@reject.test"))


def test_cve_2021_34555_multi_value_from_does_not_crash(lab):
    for authors in ("a@reject.test, b@evil.test", "a@reject.test,", ",", ", ,", "a@,b@", ";", ":;",
                    "a@reject.test,,,b@evil.test", "@", "<>", "<>,<>", '"', "(", "\\", "a@b@c"):
        lab.send(message(authors), "nodkim", client=BAD, sender=EVIL)
    assert stopped(lab, message("a@reject.test"))


def test_cve_2019_20790_helo_is_not_mail_from(lab):
    assert stopped(lab, message("a@reject.test"), helo="reject.test")
    field = "Authentication-Results: mx.lab.test; spf=pass smtp.helo=reject.test\n"
    with lab.milter_settings(SPFSelfValidate=False):
        assert stopped(lab, message("a@reject.test", field), attachment="none")


def test_cve_2020_12272_comment_in_a_domain(lab):
    assert stopped(lab, message("a@reject.test"), sender="x@reject.test(.evil.test")
    reply = lab.send(message("a@none.test"), "nodkim", client=BAD, sender='"a(b"@evil.test')
    assert re.search(r'smtp.mailfrom="a\(b"@evil\.test;|smtp.mailfrom=evil\.test;',
                     lab.result(reply))


def test_cve_2024_25768_strange_records_do_not_crash(lab):
    for domain in ("strange1.test", "strange2.test", "strange3.test"):
        assert lab.send(message(f"a@{domain}"), "nodkim", client=BAD, sender=EVIL).code == 250


@pytest.mark.parametrize("fields", [
    "ARC-Authentication-Results: i=\n", "ARC-Seal: i=1; cv=none; b=" + "x" * 5000 + "\n",
    "ARC-Authentication-Results: i=1; mx.lab.test; dkim=pass header.d=reject.test\n",
    "Received-SPF: pass (x) client-ip=192.0.2.1; envelope-from=\"x@reject.test\";\n",
    "Received-SPF: \n", "DKIM-Signature: v=1; d=reject.test\n", "X-" + "y" * 900 + ": z\n",
])
def test_fields_that_are_none_of_our_business(lab, fields):
    assert stopped(lab, message("a@reject.test", fields), attachment="documented")


def smuggle(lab, attachment):
    """A message with another one behind <LF>.<CR><LF>, from a client that honest.test lists: the replies
    up to that to the message inside, or to the end of the session."""
    inside = (b"MAIL FROM:<user@honest.test>\r\nRCPT TO:<user@rcpt.test>\r\nDATA\r\nFrom: ceo@honest.test\r\n"
              + REST.replace(b"\n", b"\r\n"))
    codes = []
    with lab.session(attachment) as session, contextlib.suppress(smtplib.SMTPServerDisconnected, OSError):
        for line in ("MAIL FROM:<x@honest.test>", "RCPT TO:<user@rcpt.test>", "DATA"):
            session.command(line)
        session.smtp.send(b"From: x@honest.test\r\n" + REST.replace(b"\n", b"\r\n").rstrip(b"\r\n")
                          + b"\n.\r\n" + inside + b".\r\nQUIT\r\n")
        while True:
            codes.append(session.smtp.getreply()[0])
    return codes


def test_smuggling(lab):
    """With smtpd_forbid_bare_newline there is no second message; without it there is one, and it passes."""
    assert smuggle(lab, "smuggling_nodkim") == [250, 250, 250, 354, 250, 221]
    assert re.search(r"honest\.test pass .*spf=pass/honest\.test", lab.milter.text())
    assert smuggle(lab, "nodkim") == [250, 221]


def test_smuggling_sends_ahead(lab):
    """reject_unauth_pipelining alone: the message inside is refused at its DATA, as its content is there already."""
    codes = smuggle(lab, "smuggling_guarded_nodkim")
    assert codes[:4] == [250, 250, 250, 503], codes
