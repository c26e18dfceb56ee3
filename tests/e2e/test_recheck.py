"""The tool and the milter come to the same result: mail through the laboratory, evaluated again as it
was delivered."""

import json
import re
import subprocess

import pytest

from lab import BUILD, TIMEOUT, message
from zones import BAD, GOOD, GOOD6


def run(lab, *arguments):
    """The program's object; it is asked by the milter's own configuration."""
    done = subprocess.run([f"{BUILD}/cli/truefrom", "-c", lab.config_path, *arguments], check=False,
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stderr == ""
    return json.loads(done.stdout)


def checked(lab, path):
    """What check finds, in the words of the milter's log line (contract section 8)."""
    found = run(lab, "check", "--json", "--message", path)
    decided = [domain for domain in found["domains"] if domain["domain"] == found["author_domain"]]
    dkim = found["message"]["dkim"] or [{"result": "none", "domain": None}]
    spf = found["spf"]
    return (f"{found['author_domain']} {found['result']} policy={decided[0]['policy'] or 'none'} "
            f"spf={spf['result']}/{spf['domain'] or '-'} "
            f"dkim={dkim[0]['result']}/{dkim[0]['domain'] or '-'} client={found['message']['client']}")


def logged(lab, reply):
    line = lab.verdict_line(reply.queue_id)
    return re.sub(r" disposition=\S+| join=.*", "", line.split(": ", 1)[1])


@pytest.mark.parametrize("sender_field, signed, options", [
    ("user@honest.test", False, {"client": GOOD}),
    ("user@honest.test", False, {"client": GOOD6}),
    ("user@honest.test", True, {"client": BAD, "sender": "x@evil.test"}),
    ("user@none.test", False, {"client": BAD, "sender": "x@evil.test"}),
    ("user@news.sub.test", False, {"client": GOOD, "sender": "x@mta.honest.test"}),
    ("user@client.test", False, {"client": GOOD, "sender": ""}),
    ("user@none.test, other@nopolicy.test", False, {"client": BAD, "sender": "x@evil.test"}),
    ("Team: user@none.test;", False, {"client": BAD, "helo": "[10.0.0.1]", "name": "mail.client.test"}),
])
def test_check_finds_what_the_milter_found(lab, sender_field, signed, options):
    text = message(sender_field)
    if signed:
        text = lab.sign(text)
    with lab.milter_settings(QuarantineAction="accept"):
        reply = lab.send(text, **options)
        lab.delivered(reply)
        assert checked(lab, lab._find(reply.queue_id)) == logged(lab, reply)


def test_replay_tells_what_enforcement_then_does(lab):
    """With RejectFailures off a spoofed message arrives; replay names it; switched on, it does not."""
    spoofed = {"client": BAD, "sender": "x@evil.test"}
    with lab.milter_settings(RejectFailures=False):
        replies = [lab.send(message("a@reject.test"), **spoofed), lab.send(message("user@honest.test"))]
        paths = []
        for reply in replies:
            lab.delivered(reply)
            paths.append(lab._find(reply.queue_id))
        found = run(lab, "replay", "--json", f"{lab.mail}/inbox")
    refused = {one["file"]: one for one in found["messages"]}
    assert refused[paths[0]]["author_domain"] == "reject.test" and refused[paths[0]]["client"] == BAD
    assert refused[paths[0]]["action"] == "reject" and paths[1] not in refused
    assert str(lab.send(message("a@reject.test"), **spoofed)).startswith("550 5.7.1 ")
