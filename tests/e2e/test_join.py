"""The SPF result's way from the policy service to the milter, in every way to attach the former."""

import re
import socket
import threading

import pytest

from lab import AUTHSERV_ID, RECIPIENT, Lab, message, wait_for
from zones import BAD, GOOD, ZONE

MANY = [f"user{n}@rcpt.test" for n in range(20)]
REFUSED = "refused@rcpt.test"


def joined(lab, reply, spf="pass/honest.test"):
    """Where the result came from, after making sure that it is the right one."""
    lab.delivered(reply)
    line = lab.verdict_line(reply.queue_id)
    assert f"spf={spf} " in line
    return re.search(r"join=(\w+)", line).group(1)


@pytest.mark.parametrize("attachment, single, many", [
    ("documented", "queueid", "queueid"),
    ("recipient", "envelope", "queueid"),  # no queue ID at the first recipient (postfix.md)
    ("recipient_open", "queueid", "queueid"),
    ("data", "queueid", "queueid"),
    ("end_of_data", "queueid", "queueid"),
    ("none", "self", "self"),
    ("chroot", "queueid", "queueid"),
])
def test_attachments(lab, attachment, single, many):
    text = message("a@honest.test")
    assert joined(lab, lab.send(text, attachment)) == single
    assert joined(lab, lab.send(text, attachment, recipients=MANY)) == many
    assert joined(lab, lab.send(text, attachment, recipients=[REFUSED, RECIPIENT])) == single
    assert joined(lab, lab.send(text, attachment, recipients=[REFUSED] + MANY)) == many


def test_session_of_several_messages(lab):
    with lab.session() as session:
        for sender in ("honest", "none", "esp", "honest"):
            reply = session.send(message("a@nopolicy.test"), sender=f"user@{sender}.test")
            assert joined(lab, reply, f"pass/{sender}.test") == "queueid"


def test_rset(lab):
    with lab.session(client=BAD) as session:
        session.command("MAIL FROM:<x@evil.test>")
        session.command(f"RCPT TO:<{RECIPIENT}>")
        session.command("RSET")
        reply = session.send(message("a@nopolicy.test"), sender="user@honest.test")
    assert joined(lab, reply, "fail/honest.test") == "queueid"


def test_second_helo(lab):
    """A HELO in mid-session counts from then on."""
    with lab.session() as session:
        session.send(message("a@honest.test"), sender="")
        session.smtp.ehlo("mta.honest.test")
        reply = session.send(message("postmaster@honest.test"), sender="")
    assert joined(lab, reply, "pass/mta.honest.test") == "queueid"


def pipeline(lab, attachment, commands, client=GOOD):
    """Send all commands in one write; the code and text of each reply."""
    with lab.session(attachment, client=client) as session:
        session.smtp.send(b"".join(command + b"\r\n" for command in commands[:-1]) + commands[-1])
        return [session.smtp.getreply() for _ in commands]


def test_pipelined(lab):
    data = message("a@honest.test").replace("\n", "\r\n").encode() + b".\r\n"
    for attachment in ("documented", "recipient", "data"):
        replies = pipeline(lab, attachment, [
            b"MAIL FROM:<user@honest.test>", b"RCPT TO:<user@rcpt.test>",
            b"RCPT TO:<user2@rcpt.test>", b"DATA", data])
        assert [code for code, _ in replies] == [250, 250, 250, 354, 250]
        queue_id = re.search(rb"queued as (\w+)", replies[-1][1]).group(1).decode()
        assert "spf=pass/honest.test" in lab.verdict_line(queue_id)
        assert "join=queueid" in lab.verdict_line(queue_id)


def test_bdat(lab):
    data = message("a@honest.test").replace("\n", "\r\n").encode()
    half = len(data) // 2
    for attachment in ("documented", "recipient", "data", "end_of_data"):
        with lab.session(attachment) as session:
            session.command("MAIL FROM:<user@honest.test>")
            session.command(f"RCPT TO:<{RECIPIENT}>")
            session.smtp.send(b"BDAT %d\r\n" % half + data[:half])
            assert session.smtp.getreply()[0] == 250
            session.smtp.send(b"BDAT %d LAST\r\n" % (len(data) - half) + data[half:])
            code, text = session.smtp.getreply()
        assert code == 250
        queue_id = re.search(rb"queued as (\w+)", text).group(1).decode()
        line = lab.verdict_line(queue_id)
        assert "spf=pass/honest.test" in line
        assert ("join=envelope" if attachment == "recipient" else "join=queueid") in line


def test_two_messages_at_once_from_one_client(lab):
    """The envelopes differ, the client does not: each message has its own result."""
    for attachment in ("documented", "recipient"):
        with lab.session(attachment, client=BAD) as one, lab.session(attachment, client=BAD) as two:
            for session, sender in ((one, "x@evil.test"), (two, "user@honest.test")):
                assert session.command(f"MAIL FROM:<{sender}>")[0] == 250
                assert session.command(f"RCPT TO:<{RECIPIENT}>")[0] == 250
            replies = []
            for session in (two, one):
                assert session.command("DATA")[0] == 354
                session.smtp.send(message("a@nopolicy.test").replace("\n", "\r\n").encode()
                                  + b".\r\n")
                replies.append(session.smtp.getreply()[1].decode())
        lines = [lab.verdict_line(re.search(r"queued as (\w+)", text).group(1)) for text in replies]
        assert "spf=fail/honest.test" in lines[0]
        assert "spf=pass/evil.test" in lines[1]


def policy_request(lab, **attributes):
    """Ask the policy service as Postfix would; its reply."""
    values = {"request": "smtpd_access_policy", "protocol_state": "DATA",
              "client_address": GOOD, "client_name": "unknown", "client_port": "0",
              "helo_name": "client.test", "sender": "user@honest.test", "instance": "1.2.3.4",
              "queue_id": ""}
    values.update(attributes)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(f"{lab.sockets}/policyd.sock")
        client.sendall("".join(f"{k}={v}\n" for k, v in values.items()).encode() + b"\n")
        return client.recv(4096).decode()


def test_stale_entry_of_a_reused_queue_id_is_not_used(lab):
    """Postfix reuses queue IDs within seconds: what an earlier message of this ID left behind, a pass
    for another envelope, must not help the next one."""
    with lab.session("none", client=BAD, helo="stale.test") as session:
        opened = rf"lab/none/smtpd\[\d+\]: (\w+): client=\S+\[{BAD}\]$"
        seen = len(re.findall(opened, lab.postfix_log(), re.M))
        session.command("MAIL FROM:<user@reject.test>")
        session.command(f"RCPT TO:<{RECIPIENT}>")
        queue_id = wait_for(lambda: re.findall(opened, lab.postfix_log(), re.M)[seen:],
                            "Postfix to log the queue ID")[0]
        for stale in ({}, {"sender": "user@reject.test"}, {"client_address": BAD},
                      {"sender": "user@reject.test", "helo_name": "stale.test"},
                      {"client_address": BAD, "sender": "user@reject.test"}):
            assert policy_request(lab, queue_id=queue_id, instance=f"9.{len(stale)}", **stale) \
                == "action=DUNNO\n\n"
        session.command("DATA")
        session.smtp.send(message("a@reject.test").replace("\n", "\r\n").encode() + b".\r\n")
        code, text = session.smtp.getreply()
    assert (code, text) == (550, b"5.7.1 rejected by DMARC policy for reject.test")
    assert re.search(rf"{queue_id}: .* spf=fail/reject.test .* join=self", lab.milter.text())


def test_reused_queue_ids_in_a_row(lab):
    """Refused messages give their queue ID free at once; each time another envelope comes."""
    with lab.session(client=BAD) as bad, lab.session() as good:
        for _ in range(20):
            assert bad.send(message("a@reject.test"), sender="x@evil.test").code == 550
            assert good.send(message("a@honest.test")).code == 250
            assert bad.send(message("a@honest.test"), sender="user@honest.test").code == 550


def test_senders_that_postfix_rewrites(lab):
    for sender in ('"user"@honest.test', "User@HONEST.test", "@relay.test:user@honest.test",
                   '"us er"@honest.test'):
        for attachment in ("documented", "recipient", "data"):
            reply = lab.send(message("a@honest.test"), attachment, sender=sender)
            assert joined(lab, reply) in ("queueid", "envelope"), sender


def test_odd_helo_names(lab):
    for helo in ("[192.0.2.10]", "client", "cli_ent.test", "xn--bcher-kva.test", "CLIENT.TEST"):
        reply = lab.send(message("a@honest.test"), helo=helo)
        assert joined(lab, reply) == "queueid", helo


def test_client_without_helo(lab):
    session = lab.session()
    session.smtp.docmd("XCLIENT", f"ADDR={GOOD} NAME=[UNAVAILABLE] HELO=[UNAVAILABLE]")
    reply = session.send(message("a@honest.test"))
    session.close()
    assert joined(lab, reply) == "queueid"


def test_policyd_stopped(lab):
    lab.stop_policyd()
    try:
        reply = lab.send(message("a@honest.test"))
        assert joined(lab, reply) == "self"
        assert lab.result(reply).startswith(f"{AUTHSERV_ID}; spf=pass")
        spoof = lab.send(message("a@reject.test"), client=BAD, sender="x@evil.test")
        assert str(spoof) == "550 5.7.1 rejected by DMARC policy for reject.test"
    finally:
        lab.start_policyd()
    assert joined(lab, lab.send(message("a@honest.test"))) == "queueid"


def test_policyd_stopped_without_self_validation(lab):
    with lab.milter_settings(SPFSelfValidate=False):
        lab.stop_policyd()
        try:
            reply = lab.send(message("a@none.test"))
        finally:
            lab.start_policyd()
    assert joined(lab, reply, "none/-") == "none"
    assert "spf=" not in lab.result(reply)


def test_milter_restarted_while_policyd_runs(lab):
    lab.stop_milter()
    lab.start_milter()
    assert joined(lab, lab.send(message("a@honest.test"))) == "queueid"


def test_long_queue_ids():
    with Lab(ZONE, long_queue_ids=True) as lab:
        reply = lab.send(message("a@honest.test"))
        assert len(reply.queue_id) > 12
        assert joined(lab, reply) == "queueid"
        reply = lab.send(message("a@honest.test"), "recipient", recipients=MANY)
        assert joined(lab, reply) == "queueid"


class Sender(threading.Thread):
    """One client: messages of changing senders, recipients and outcomes."""

    KINDS = [
        (GOOD, "user@honest.test", "a@honest.test", 250, "pass/honest.test"),
        (BAD, "user@honest.test", "a@honest.test", 550, "fail/honest.test"),
        (BAD, "x@evil.test", "a@none.test", 250, "pass/evil.test"),
        (GOOD, "bounce@esp.test", "a@reject.test", 550, "pass/esp.test"),
        (GOOD, "", "a@nopolicy.test", 250, "pass/client.test"),
    ]

    def __init__(self, lab, number, count, attachment):
        super().__init__()
        self.lab, self.number, self.count, self.attachment = lab, number, count, attachment
        self.wrong, self.sent, self.error = [], [], None

    def run(self):
        try:
            sessions = {client: self.lab.session(self.attachment, client=client)
                        for client in (GOOD, BAD)}
            for i in range(self.count):
                client, sender, author, code, spf = self.KINDS[(i + self.number) % len(self.KINDS)]
                recipients = [f"user{n}@rcpt.test" for n in range(1 + i % 3)]
                mark = f"X-Mark: {self.number}-{i}\n"
                reply = sessions[client].send(message(author, mark), sender, recipients)
                if reply.code != code:
                    self.wrong.append(str(reply))
                if reply.queue_id:
                    self.sent.append((reply.queue_id, spf))
            for session in sessions.values():
                session.close()
        except Exception as error:  # told by the main thread
            self.error = error


def send_all(lab, count, attachment):
    """That many messages of ten parallel clients, each answered as it must be."""
    threads = [Sender(lab, number, count // 10, attachment) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [thread.error for thread in threads if thread.error] == []
    assert [wrong for thread in threads for wrong in thread.wrong] == []
    return threads


@pytest.mark.parametrize("attachment, count", [("nodkim", 2000), ("recipient_nodkim", 1000)])
def test_count(lab, attachment, count, record_property):
    """No wrong join among many messages of parallel clients; and how many were found how: by queue
    ID all of them in the documented way ("nodkim")."""
    before = len(lab.milter.text())
    threads = send_all(lab, count, attachment)
    log = lab.milter.text()[before:]
    lines = re.findall(r"]: (\w+): \S+ \w+ policy=.* spf=(\S+) .* join=(\w+)", log)
    accepted = [item for thread in threads for item in thread.sent]
    unique = [queue_id for queue_id, _ in accepted]
    for queue_id, spf in accepted:
        if unique.count(queue_id) == 1:  # an ID may have been reused
            assert spf in [s for q, s, _ in lines if q == queue_id], queue_id
    assert len(lines) == count
    found = {kind: sum(1 for line in lines if line[2] == kind)
             for kind in ("queueid", "envelope", "self", "header", "none")}
    print(f"\n{attachment}: {count} messages: {found}")
    record_property("joins", found)
    assert found["header"] == found["none"] == 0
    if attachment == "nodkim":
        assert found == {"queueid": count, "envelope": 0, "self": 0, "header": 0, "none": 0}
    else:
        assert found["queueid"] > 0 and found["envelope"] > 0 and found["self"] == 0
