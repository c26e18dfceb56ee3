"""The published RFC 7208 test suite, and long records of our own in its format, through truefrom-policyd as
it is.

Each scenario's zone is served by a DNS server of its own; each case is a policy request, and its
result is read from the daemon's log. Explanations are not evaluated: nobody here reads them.
"""

import itertools
import json
import os
import re

import pytest
import yaml

from test_policyd import DUNNO, Policyd, request

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")

# What cannot be met, and why: see doc/conformance.md.
KNOWN = {}


def load(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


SCENARIOS = load("rfc7208-tests.yml") + load("rfc7208-long.yml")
CASES = [(number, name) for number, scenario in enumerate(SCENARIOS) for name in scenario["tests"]]


def text_of(value):
    """A TXT record: one string, or a list of character-strings, which a long one becomes."""
    if isinstance(value, list):
        return [str(part) for part in value]
    return [str(value)[at:at + 255] for at in range(0, len(str(value)), 255)] or ""


def records_of(entries):
    """One name of the suite's zone data in the format of faultdns.py."""
    found, timeout = {}, False
    for entry in entries:
        if entry == "TIMEOUT":
            timeout = True
            continue
        for kind, value in entry.items():
            found.setdefault(kind, [])
            if value == "TIMEOUT":
                found.setdefault("fault", {})[kind] = "silent"
            elif kind == "MX":
                found[kind].append(f"{value[0]} {value[1] or '.'}")
            elif kind in ("SPF", "TXT"):
                if value != "NONE":
                    found[kind].append(text_of(value))
            else:
                found[kind].append(value)
    # a name that gives the record in the obsolete type only means it for TXT as well
    spf = found.pop("SPF", [])
    if "TXT" not in found and spf:
        found["TXT"] = spf
    if timeout:  # of the types that are not given
        found["fault"] = {kind: "silent" for kind in ("A", "AAAA", "MX", "PTR", "TXT")
                          if not found.get(kind)}
    return {kind: value for kind, value in found.items() if value}


def zone_of(scenario):
    zone = {"$ttl": 0, "$negative-ttl": 0}
    for name, entries in scenario["zonedata"].items():
        zone[str(name)] = records_of(entries or [])
    return zone


class Suite:
    """One scenario's daemon at a time."""

    def __init__(self):
        self.number, self.policyd = None, None
        self.instances = itertools.count()

    def enter(self, number):
        if number == self.number:
            return self.policyd
        self.leave()
        self.policyd = Policyd(DNSTimeout=1, IgnoreHosts=None,
                               zone=json.dumps(zone_of(SCENARIOS[number])))
        self.number = number
        return self.policyd

    def leave(self):
        if self.policyd:
            self.policyd.close()
        self.policyd = self.number = None


@pytest.fixture(scope="module")
def suite():
    suite = Suite()
    yield suite
    suite.leave()


def ask(policyd, case, instance):
    sender = case["mailfrom"]
    data = request(client_address=str(case["host"]), helo_name=str(case["helo"]), sender=sender,
                   instance=f"suite.{instance}", client_port=str(1 + instance))
    before = len(policyd.daemon.text())
    with policyd.connect() as client:
        client.sendall(data)
        assert client.recv(4096) == DUNNO
    found = re.findall(r"NOQUEUE: spf=(\w+)/", policyd.daemon.text()[before:])
    assert len(found) == 1, policyd.daemon.text()[before:]
    return found[0]


@pytest.mark.parametrize("number, name", CASES, ids=[name for _, name in CASES])
def test_case(suite, number, name):
    case = SCENARIOS[number]["tests"][name]
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    result = ask(suite.enter(number), case, next(suite.instances))
    if name in KNOWN:
        assert result == KNOWN[name], "the list of exceptions is out of date"
    else:
        assert result in wanted, case.get("comment") or case.get("description", "")
