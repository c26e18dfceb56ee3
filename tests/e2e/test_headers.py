"""Header fields that lie: forged Authentication-Results, several From fields, broken structure."""

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


def test_several_addresses_of_one_domain(lab):
    reply = lab.send(message("a@honest.test, b@honest.test"))
    assert "dmarc=pass" in lab.result(reply)


def test_message_without_from(lab):
    reply = lab.send(message(None))
    assert "dmarc=permerror" in lab.result(reply)


@pytest.mark.parametrize("text, why", [
    (message(None), "not exactly one From field"),
    (message("a@honest.test", "From: a@honest.test\n"), "not exactly one From field"),
    (message("a@honest.test, b@none.test"), "several author domains in the From field"),
    (message("undisclosed:;"), "no author domain in the From field"),
    (message("a@honest.test", date=False), "not exactly one Date field"),
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
