"""Header fields that lie: forged Authentication-Results, several From fields, broken structure."""

import base64
import hashlib
import subprocess

import pytest

from lab import AUTHSERV_ID, message
from zones import BAD

EVIL = {"client": BAD, "sender": "x@evil.test"}
REJECTED = "550 5.7.1 rejected by DMARC policy for reject.test"
NONCONFORMING = "550 5.7.1 message does not conform to RFC 5322: "


def forged(authserv_id):
    return (f"Authentication-Results: {authserv_id}; dkim=pass header.d=reject.test;\n"
            f"\tspf=pass smtp.mailfrom=evil.test; dmarc=pass header.from=reject.test\n")


def test_forged_results_in_our_name_are_removed_by_the_dkim_milter(lab):
    reply = lab.send(message("a@reject.test", forged(AUTHSERV_ID)), **EVIL)
    assert str(reply) == REJECTED


FORGED = [
    f"{AUTHSERV_ID}; dkim=pass header.d=reject.test x.y=z",
    f"{AUTHSERV_ID}; dkim/1=pass header.d=reject.test",
    f"{AUTHSERV_ID}; dkim=pass header.d=reject.test; arc=pass arc.chain=x",
    f"{AUTHSERV_ID}; " + "; ".join(["dkim=pass header.d=reject.test"] * 41),
    f"(c)\n\t\"{AUTHSERV_ID}\" 1;\n\tdkim=pass header.d=reject.test; x=y",
]


@pytest.mark.parametrize("field", FORGED)
def test_what_opendkim_leaves_is_dropped_by_header_checks(lab, field):
    """The documented header_checks; the last line of each shows that there is something to stop."""
    text = message("a@reject.test", f"Authentication-Results: {field}\n")
    assert str(lab.send(text, "guarded", **EVIL)) == REJECTED
    assert lab.send(text, "nodkim", **EVIL).code == 250


def test_a_forged_spf_result_is_dropped_by_header_checks(lab):
    field = f"Authentication-Results: {AUTHSERV_ID}; spf=pass smtp.mailfrom=user@reject.test\n"
    text = message("a@reject.test", field)
    evil = {"client": BAD, "sender": "user@reject.test"}
    assert str(lab.send(text, "guarded_none", **evil)) == REJECTED
    assert lab.send(text, "none", **evil).code == 250


def test_header_checks_leave_our_own_fields_and_attached_messages(lab):
    attached = message("b@elsewhere.test", "Authentication-Results: elsewhere.test; dkim=none\n")
    text = lab.sign(message("a@honest.test", "Authentication-Results: elsewhere.test; dkim=none\n"
                            "MIME-Version: 1.0\nContent-Type: message/rfc822\n", attached))
    reply = lab.send(text, "guarded", client=BAD, sender="x@evil.test")
    assert "dmarc=pass" in lab.result(reply)
    assert all(field.startswith(AUTHSERV_ID + ";") for field in lab.results(reply))
    assert lab.delivered(reply).get_payload(0)["Authentication-Results"] == "elsewhere.test; dkim=none"


@pytest.mark.parametrize("spelling", ["MX.LAB.TEST", '"mx.lab.test"', "mx.lab.test 1", "(c) mx.lab.test"])
def test_other_spellings_of_our_name_do_not_help(lab, spelling):
    with lab.milter_settings():
        reply = lab.send(message("a@reject.test", forged(spelling)), **EVIL)
    assert str(reply) == REJECTED


def test_results_of_another_server_are_kept_not_believed_and_logged(lab):
    reply = lab.send(message("a@reject.test", forged("elsewhere.test")), **EVIL)
    assert str(reply) == REJECTED
    reply = lab.send(message("a@none.test", forged("elsewhere.test")), **EVIL)
    assert "dmarc=fail" in lab.result(reply)
    assert any(field.startswith("elsewhere.test;") for field in lab.results(reply))
    assert f"{reply.queue_id} ignoring Authentication-Results at " in lab.milter.text()
    assert "from elsewhere.test" in lab.milter.text()


def test_our_name_untrusted_is_removed(lab):
    lab.configure(TrustedAuthservIDs=["dkim.lab.test"])
    try:
        lab.reload(lab.milter)
        reply = lab.send(message("a@none.test", forged(AUTHSERV_ID) + forged("other.test")
                                 + forged(AUTHSERV_ID)), "nodkim", **EVIL)
        fields = lab.results(reply)
        assert [field.split(";")[0] for field in fields] == [AUTHSERV_ID, "other.test"]
        assert "dmarc=fail" in fields[0]
    finally:
        lab.settings.pop("TrustedAuthservIDs")
        lab.configure()
        lab.reload(lab.milter)


def test_trusted_field_is_believed(lab):
    lab.configure(TrustedAuthservIDs=["dkim.lab.test"])
    try:
        lab.reload(lab.milter)
        reply = lab.send(message("a@reject.test", forged("DKIM.lab.test")), "nodkim", **EVIL)
        assert "dmarc=pass" in lab.result(reply)
    finally:
        lab.settings.pop("TrustedAuthservIDs")
        lab.configure()
        lab.reload(lab.milter)


@pytest.mark.parametrize("text", [
    message("a@reject.test", "From: b@honest.test\n"),
    message("a@honest.test", "From: b@reject.test\n"),
    message("a@honest.test, b@reject.test"),
    message("a@reject.test, b@honest.test"),
    message("<a@reject.test> <b@honest.test>"),
    message("a@honest.test (b@reject.test), c@reject.test"),
    message('"a@honest.test" <a@reject.test>'),
    message("Friends: a@honest.test, b@reject.test;"),
    message("a@honest.test,\n\tb@reject.test"),
    message("a@honest.test", "fRoM: b@reject.test\n"),
    message(None, "From : b@reject.test\n"),
])
def test_no_arrangement_of_from_evades_a_policy(lab, text):
    reply = lab.send(text, sender="user@honest.test")
    assert reply.code == 550, str(reply)


BANK = "=?utf-8?B?Y2VvQHJlamVjdC50ZXN0?="  # ceo@reject.test


@pytest.mark.parametrize("author", [
    '"ceo@reject.test", <x@evil.test>',
    '<x@evil.test>, "ceo@reject.test"',
    'CEO "ceo@reject.test", x@evil.test',
    'Board: "ceo@reject.test", x@evil.test;',
    f"{BANK}, x@evil.test",
    BANK,
    f"CEO <{BANK}>",
    "ceo@[reject.test]",
    "ceo@reject=?utf-8?B?LnRlc3Q=?=",
    f"ceo@{'a' * 64}.reject.test",
])
def test_no_reading_of_from_evades_a_policy(lab, author):
    reply = lab.send(message(author), **EVIL)
    assert str(reply).startswith("550 5.7.1 rejected by DMARC policy for ")
    assert str(reply).endswith("reject.test")


def test_a_name_beside_an_address_is_no_author(lab):
    for author in ('"a@reject.test via list" <list@honest.test>', "CEO, Boss <a@honest.test>"):
        assert "dmarc=pass" in lab.result(lab.send(message(author)))


def test_labels_that_the_dns_allows(lab):
    for domain in ("shop-.honest.test", "-x.honest.test", "i\u2764.honest.test"):
        reply = lab.send(message(f"a@{domain}").encode())
        assert "dmarc=pass" in lab.result(reply), domain


def test_several_addresses_of_one_domain(lab):
    reply = lab.send(message("a@honest.test, b@honest.test"))
    assert "dmarc=pass" in lab.result(reply)


def test_message_without_from(lab):
    reply = lab.send(message(None))
    assert "dmarc=permerror" in lab.result(reply)


@pytest.mark.parametrize("text, why", [
    (message(None), "no From field"),
    (message("a@honest.test", "From: a@honest.test\n"), "multiple From fields"),
    (message("undisclosed:;"), "no author domain in the From field"),
    (message("a@honest.test", date=False), "no Date field"),
    (message("a@honest.test", "Date: Mon, 23 Nov 2026 10:00:00 +0000\n"), "multiple Date fields"),
    (message("a@honest.test", "Subject: again\n"), "multiple Subject fields"),
    (message("a@honest.test", "To: again@rcpt.test\n"), "multiple To fields"),
    (message("a@honest.test", "Message-ID: <1@x>\nMessage-Id: <2@x>\n"),
     "multiple Message-ID fields"),
])
def test_required_headers(lab, text, why):
    with lab.milter_settings(RequiredHeaders=True):
        reply = lab.send(text)
    assert str(reply).startswith(NONCONFORMING), str(reply)
    assert str(reply) == NONCONFORMING + why


@pytest.mark.parametrize("required", [True, "from"])
def test_a_list_of_several_authors_is_good_by_rfc_5322(lab, required):
    with lab.milter_settings(RequiredHeaders=required):
        for text in ("a@honest.test, b@none.test", "a@honest.test, b@reject.test",
                     '"a@none.test", <b@honest.test>'):
            reply = lab.send(message(text))
            assert str(reply) == "550 5.7.1 message has several author domains"


def test_required_headers_of_the_from_field_alone(lab):
    with lab.milter_settings(RequiredHeaders="from"):
        reply = lab.send(message("a@honest.test", "Subject: again\n", date=False))
        assert "dmarc=pass" in lab.result(reply)
        assert str(lab.send(message(None))) == NONCONFORMING + "no From field"
        assert str(lab.send(message("a@honest.test", "From: b@honest.test\n"))) == \
            NONCONFORMING + "multiple From fields"
        assert str(lab.send(message("undisclosed:;"))) == \
            NONCONFORMING + "no author domain in the From field"


def test_a_refusal_by_dmarc_goes_before_required_headers(lab):
    """As in the tutorial of OpenDMARC: a spoof by telnet, without Date."""
    with lab.milter_settings(RequiredHeaders=True):
        assert str(lab.send(message("a@reject.test", date=False), **EVIL)) == REJECTED
        assert str(lab.send(message("a@reject.test", "From: a@evil.test\n"), **EVIL)) == REJECTED
        assert str(lab.send(message("a@quarantine.test", date=False), **EVIL)) == \
            NONCONFORMING + "no Date field"  # it would be held
        assert str(lab.send(message("a@none.test", date=False), **EVIL)) == NONCONFORMING + "no Date field"
    with lab.milter_settings(RequiredHeaders=True, RejectFailures=False):
        assert str(lab.send(message("a@reject.test", date=False), **EVIL)) == \
            NONCONFORMING + "no Date field"


def test_required_headers_let_a_good_message_pass(lab):
    with lab.milter_settings(RequiredHeaders=True):
        reply = lab.send(message("a@honest.test"))
        assert "dmarc=pass" in lab.result(reply)


def test_spf_of_a_trusted_field(lab):
    """Where nothing is stored and we do not evaluate, a trusted field's spf= of this sender counts."""
    lab.configure(TrustedAuthservIDs=["spf.lab.test"])
    field = "Authentication-Results: spf.lab.test; spf=pass smtp.mailfrom=user@reject.test\n"
    other = "Authentication-Results: spf.lab.test; spf=pass smtp.mailfrom=reject.test\n"
    helo = "Authentication-Results: spf.lab.test; spf=pass smtp.helo=reject.test\n"
    try:
        with lab.milter_settings(SPFSelfValidate=False):
            reply = lab.send(message("a@reject.test", field), "none", client=BAD,
                             sender="user@reject.test")
            assert "dmarc=pass" in lab.result(reply) and "spf=" not in lab.result(reply)
            assert lab.join(reply) == "header"
            for text in (other, helo):
                reply = lab.send(message("a@reject.test", text), "none", client=BAD,
                                 sender="x@evil.test")
                assert str(reply) == REJECTED
        with lab.milter_settings(SPFSelfValidate=False, SPFIgnoreResults=True):
            reply = lab.send(message("a@reject.test", field), "none", client=BAD,
                             sender="user@reject.test")
            assert str(reply) == REJECTED
    finally:
        lab.settings.pop("TrustedAuthservIDs")
        lab.configure()
        lab.reload(lab.milter)


def test_a_verifier_that_said_nothing_leaves_an_aligned_signature_open(lab):
    """A Postfix without OpenDKIM: as if that had timed out, with milter_default_action = accept."""
    signed = lab.sign(message("a@reject.test"))
    reply = lab.send(signed, "nodkim", client=BAD, sender="x@evil.test")
    assert str(reply) == \
        "451 4.7.1 DMARC policy for reject.test cannot be determined now, try again later"
    assert "no trusted Authentication-Results field tells of the DKIM signature of reject.test; " in \
        lab.milter.text()
    reply = lab.send(signed, "nodkim", sender="user@reject.test")
    assert "dmarc=pass" in lab.result(reply)  # SPF is enough


def test_a_signature_that_cannot_align_leaves_nothing_open(lab):
    signed = lab.sign(message("a@honest.test")).replace(b"From: a@honest.test", b"From: a@reject.test")
    reply = lab.send(signed, "nodkim", client=BAD, sender="x@evil.test")
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"


def test_a_trusted_field_with_one_odd_part_is_read_on(lab):
    fields = (f"Authentication-Results: {AUTHSERV_ID}; (null)=pass; dkim=pass (2048-bit key) x-bits=2048\r\n"
              "\theader.d=reject.test;; dmarc=pass action=none header.from=reject.test\r\n")
    reply = lab.send(message("a@reject.test", fields=fields), "nodkim", client=BAD, sender="x@evil.test")
    assert "dmarc=pass" in lab.result(reply)


@pytest.mark.parametrize("name", [AUTHSERV_ID + ".", AUTHSERV_ID.replace(".", "\u3002"),
                                  AUTHSERV_ID.replace("m", "\uff4d", 1)])
def test_another_spelling_of_the_trusted_name_is_not_believed(lab, name):
    fields = f"Authentication-Results: {name}; dkim=pass header.d=reject.test\r\n"
    text = message("a@reject.test", fields=fields)
    reply = lab.send(text.encode() if isinstance(text, str) else text, "nodkim", client=BAD,
                     sender="x@evil.test")
    assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"


def signed_as(lab, text, domain, identity):
    """The message (one line of body) with a good signature of the domain's, and any identity in it."""
    author = next(line for line in text.split("\n") if line.startswith("From: "))
    body = text.split("\n\n", 1)[1].replace("\n", "\r\n")
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    field = f"v=1; a=rsa-sha256; c=relaxed/simple; d={domain}; s=s1; i={identity}; h=from; bh={digest}; b="
    made = subprocess.run(["openssl", "dgst", "-sha256", "-sign", lab.dkim_key(domain)], check=True,
                          input=f"from:{author[6:]}\r\ndkim-signature:{field}".encode(), capture_output=True)
    return f"DKIM-Signature: {field}{base64.b64encode(made.stdout).decode()}\n{text}"


def test_opendkim_verifies_what_these_tests_sign(lab):
    text = signed_as(lab, message("a@honest.test"), "honest.test", "joe@honest.test")
    assert "dmarc=pass" in lab.result(lab.send(text, client=BAD, sender="x@evil.test"))


@pytest.mark.parametrize("local", [
    "x=3B=20dkim=3Dpass=20header.d=3Dreject.test=20header.y=3Dz",
    "x=3bdkim=3Dpass=20header.d=3Dreject.test=20y=3Dz",
    "x@honest.test=3B=20dkim=3Dpass=20header.d=3Dreject.test=20reason=3Dz",
    "x=0D=0A=20=3B=20dkim=3Dpass=20header.d=3Dreject.test=3B=20y=3Dz",
    "=22=3B=20dkim=3Dpass=20header.d=3Dreject.test=3B=20y=3D=22z",
    "x=0D=0AAuthentication-Results:=20" + AUTHSERV_ID + "=3B=20dkim=3Dpass=20header.d=3Dreject.test=3B=20y=3Dz",
    "x=0AFrom:=20a@reject.test",
])
def test_a_signature_writes_no_result_of_opendkims(lab, local):
    """OpenDKIM writes the identity of a signature decoded and unquoted into its own field."""
    text = signed_as(lab, message("a@reject.test"), "honest.test", f"{local}@honest.test")
    assert str(lab.send(text, client=BAD, sender="x@evil.test")) == REJECTED


def test_a_sender_writes_no_result_of_a_filters(lab):
    fields = (f"Authentication-Results: {AUTHSERV_ID}; spf=pass smtp.mailfrom=x; dkim=pass header.d=reject.test\n"
              "\theader.y=z@evil.test\n")
    reply = lab.send(message("a@reject.test", fields), "nodkim", client=BAD,
                     sender='"x; dkim=pass header.d=reject.test header.y=z"@evil.test')
    assert str(reply) == REJECTED
    assert "ignoring tainted Authentication-Results at " in lab.milter.text()
