"""A machine that is mx.example.org: with a DNS server that knows who sends mail to it, and such senders."""

import os
import re
import socket

import readme
from lab import start_nsd, wait_for
from machine import DOMAIN

SPOOFER, HONEST = "198.51.100.66", "198.51.100.10"  # clients outside of its networks
ZONE = f'''$TTL 60
. SOA ns.test. hostmaster.test. 1 3600 600 86400 60
. NS ns.test.
ns.test. A 127.0.0.1
mx.example.org. A 192.0.2.1
example.org. MX 10 mx.example.org.
paypal.com. TXT "v=spf1 -all"
_dmarc.paypal.com. TXT "v=DMARC1\\; p=reject"
shop.example. TXT "v=spf1 -all"
_dmarc.shop.example. TXT "v=DMARC1\\; p=quarantine"
honest.example. TXT "v=spf1 ip4:{HONEST} -all"
_dmarc.honest.example. TXT "v=DMARC1\\; p=reject"
'''
# what the system writes while it runs, and what installing any package leaves
NOISE = ("/dev/", "/proc/", "/sys/", "/tmp/", "/root/", "/run/", "/var/cache/", "/var/lib/apt/", "/var/lib/dpkg/",
         "/var/lib/systemd/", "/var/log/", "/var/mail/", "/var/spool/postfix/", "/var/lib/postfix/", "/var/tmp/")
USER_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")


class MailHost:
    """See above; `machine` is the Machine that it is made of."""

    def __init__(self, machine):
        self.machine = machine
        self.before = self.nsd = None
        self.dns = f"{machine.root}.dns"
        os.mkdir(self.dns)
        with open(f"{self.dns}/root.zone", "w", encoding="ascii") as file:
            file.write(ZONE)

    def start(self):
        """Boot it. Then it has a user "you", and the answers to Postfix's questions."""
        self.machine.boot()
        for address in (SPOOFER, HONEST):
            self.machine.run(f"ip address add {address}/32 dev lo")
        with self.machine.network():
            self.nsd = start_nsd(self.dns, "127.0.0.1", 53)
        self.machine.run(f'echo "postfix postfix/mailname string {DOMAIN}" | debconf-set-selections')
        self.machine.run("id you >/dev/null 2>&1 || useradd --create-home you")

    def stop(self):
        if self.nsd:
            self.nsd.stop()
            self.nsd = None
        self.machine.stop()

    def close(self):
        try:
            self.stop()
        finally:
            self.machine.close()

    def restart(self):
        self.stop()
        self.start()

    def session(self, lines, client):
        """What the host says to the last of these lines, sent by a client one after the other; a line is
        not waited for within the message."""
        with self.machine.network(), \
                socket.create_connection(("192.0.2.1", 25), 60, source_address=(client, 0)) as connection:
            replies = connection.makefile("r", encoding="ascii", newline="\r\n")
            answer, in_message = _reply(replies), False
            for line in lines:
                connection.sendall(f"{line}\r\n".encode("ascii"))
                if not in_message or line == ".":
                    answer = _reply(replies)
                    in_message = line == "DATA" and answer.startswith("354")
            return answer

    def send(self, author, sender, client):
        """The reply to a message to you@example.org."""
        return self.session(["EHLO client.example", f"MAIL FROM:<{sender}>", f"RCPT TO:<you@{DOMAIN}>", "DATA",
                             f"From: {author}", "Date: Tue, 24 Nov 2026 10:00:00 +0000", "Subject: test", "", "test",
                             "."], client)

    def held(self, queue_id):
        """Is the message in the hold queue?"""
        return f"{queue_id}!" in self.machine.run("postqueue -p")

    def delivered(self, reply):
        """The Authentication-Results of a message that was accepted with this reply."""
        queue_id = queued_as(reply)

        def look():
            path = self.machine.root + "/var/mail/you"
            if not os.path.exists(path):
                return None
            for text in re.split(r"(?m)^From ", self.machine.read("/var/mail/you")):
                if re.search(rf"id {queue_id}\b", text):
                    return text
            return None
        head = wait_for(look, f"{queue_id} to be delivered").split("\n\n")[0]
        return re.findall(r"(?m)^Authentication-Results: (.*(?:\n\s.*)*)", head)

    def logged(self, pattern):
        """A line of truefrom-milter's log, once it is there."""
        def look():
            return re.search(pattern, self.machine.run("journalctl -q -o cat -t truefrom-milter"))
        return wait_for(look, f"the log to have {pattern}")

    def snapshot(self):
        """All files with their kinds, modes and owners, and the user databases."""
        listed = self.machine.run(r"find / -xdev -printf '%p %y %m %u:%g\n'; find /run /var/spool/postfix "
                                  r"-path '*truefrom*' -printf '%p %y %m %u:%g\n'")
        files = {line for line in listed.splitlines() if "truefrom" in line and not line.startswith("/root/")
                 or not line.startswith(NOISE)}
        return files, {name: self.machine.read(name) for name in USER_FILES}


def queued_as(reply):
    """The queue ID of a message that was accepted with this reply."""
    return re.fullmatch(r"250 2\.0\.0 Ok: queued as (\w+)", reply).group(1)


def _reply(replies):
    """One reply of an SMTP server, its last line."""
    for line in replies:
        if line[3:4] != "-":
            return line.rstrip("\r\n")
    raise ConnectionError("the server closed the connection")


def set_up(host):
    """The README's second part, up to mail that is marked and not refused."""
    readme.follow(host.machine, readme.steps(readme.SETUP)[:-2])


def enforce(host):
    """Its end: what fails is rejected."""
    readme.follow(host.machine, readme.steps(readme.SETUP)[-2:])
