"""What ./quickstart shows: mail sent by SMTP through a private Postfix, and what became of it."""

import sys

sys.dont_write_bytecode = True

from lab import Lab, message  # noqa: E402
from zones import BAD, GOOD, ZONE  # noqa: E402


def show(lab, what, reply, sender):
    print(f"\n{what}\n  envelope sender <{sender}>")
    print(f"  Postfix replied: {reply}")
    if reply.code != 250:
        return
    if lab.held(reply):
        print("  It is in the hold queue (postqueue -p marks it with !).")
    else:
        print("  It was delivered, with this field:\n"
              f"  Authentication-Results: {lab.result(reply)}")
    print(f"  Log: {lab.verdict_line(reply.queue_id)}")


def send(lab, what, author, sender, client):
    text = message(author) if isinstance(author, str) else author
    show(lab, what, lab.send(text, sender=sender, client=client), sender)
    return what


def main():
    print("Starting a private Postfix, DNS server, OpenDKIM, truefrom-policyd and truefrom-milter.")
    with Lab(ZONE) as lab:
        spoofer, honest = BAD, GOOD
        send(lab, "1. Honest: from honest.test (p=reject), by a server that its SPF record allows.",
             "Anna <anna@honest.test>", "anna@honest.test", honest)
        signed = lab.sign(message("Anna <anna@honest.test>"))
        send(lab, "2. Honest: the same domain, forwarded by a stranger, with its DKIM signature intact.",
             signed, "forwarder@evil.test", spoofer)
        send(lab, "3. Spoofed: someone else writes From: reject.test, whose owner says p=reject.",
             "Your bank <service@reject.test>", "x@evil.test", spoofer)
        send(lab, "4. Spoofed: From: quarantine.test, whose owner says p=quarantine.",
             "Your shop <service@quarantine.test>", "x@evil.test", spoofer)
        send(lab, "5. Spoofed: From: none.test, whose owner only watches (p=none).",
             "A friend <me@none.test>", "x@evil.test", spoofer)
        send(lab, "6. From a domain without any DMARC policy.",
             "Someone <someone@nopolicy.test>", "someone@nopolicy.test", honest)
    print("\nEverything was stopped and removed again.")


if __name__ == "__main__":
    main()
