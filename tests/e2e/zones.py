"""The DNS of the laboratory: sender domains with their SPF, DKIM and DMARC records."""

import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "keys", "dkim.public"),
          encoding="ascii") as _file:
    DKIM_KEY = "v=DKIM1; k=rsa; p=" + _file.read().strip()

GOOD = "192.0.2.10"      # allowed by the SPF records below
GOOD6 = "2001:db8::10"
BAD = "198.51.100.66"    # not allowed
SPF = f"v=spf1 ip4:{GOOD} ip6:{GOOD6} -all"


def domain(name, dmarc=None, spf=SPF, dkim=True):
    """A sender domain; dmarc is the record without its version."""
    zone = {name: {"A": GOOD, "TXT": [spf] if spf else []}}
    if dkim:
        zone["s1._domainkey." + name] = {"TXT": DKIM_KEY}
    if dmarc:
        zone["_dmarc." + name] = {"TXT": "v=DMARC1; " + dmarc}
    return zone


ZONE = {
    "client.test": {"A": GOOD, "TXT": SPF},
    "mail.client.test": {"A": GOOD},
    "rcpt.test": {"A": "192.0.2.1"},
    **domain("honest.test", "p=reject"),
    **domain("reject.test", "p=reject"),
    **domain("quarantine.test", "p=quarantine"),
    **domain("none.test", "p=none"),
    **domain("testing.test", "p=reject; t=y"),
    **domain("nopolicy.test"),
    **domain("sub.test", "p=reject; sp=quarantine; np=none"),
    "news.sub.test": {"A": GOOD},
    **domain("strict.test", "p=reject; adkim=s; aspf=s"),
    "mail.strict.test": {"TXT": SPF},
    **domain("esp.test"),
    **domain("evil.test", spf=f"v=spf1 ip4:{BAD} -all"),
    "mta.honest.test": {"A": GOOD, "TXT": SPF},
    # records that are none, or odd ones (a null policy once crashed a receiver)
    "_dmarc.strange1.test": {"TXT": "v=DMARC1"},
    "_dmarc.strange2.test": {"TXT": "v=DMARC1; p=; sp=; rua=; ruf=,,; pct=x"},
    "_dmarc.strange3.test": {"TXT": ["v=DMARC1; p=none; =; ;;; adkim", "v=DMARC1; p=reject"]},
}
