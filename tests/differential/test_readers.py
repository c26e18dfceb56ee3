"""Whom six mail libraries show as a message's authors, and whom we evaluate: a domain that two of them show
must be evaluated or the message refused."""

import base64
import email
import email.policy
import email.utils
import json
import os
import re
import shutil
import subprocess
import warnings

import pytest

from fields import all_fields

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ["TRUEFROM_BUILDDIR"]

# Fields, as regular expressions, where two libraries show a domain that we do not count, and why.
EXCEPTIONS = [
    (r"@\[(192\.0\.2\.1|IPv6:2001:db8::1)\]", "an address literal is no domain and has no policy (RFC 9989 4.2)"),
    (r"@\s?bank\s?\.\s*test$", "white space within a domain (obs-domain): what stands before it is a single label, "
     "which could only be a top-level domain; with a dot in it, it would count"),
]


def encoded(fields):
    return [base64.b64encode(field.encode()).decode() for field in fields]


def run(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8")
    return done.stdout


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(f"{HERE}/{name}", folder)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=folder, check=True)
    return folder


def python_reads(field):
    found = [address for _, address in email.utils.getaddresses([field.replace("\n", "")])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = b"From: " + field.encode() + b"\nSubject: x\n\nx\n"
            message = email.message_from_bytes(text, policy=email.policy.default)
            found += [address.addr_spec for address in message["from"].addresses]
        except Exception:  # pylint: disable=broad-except # it has faults of its own
            pass
    return found


def shown(address):
    """The domain of an address that a library shows, or None."""
    address = address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    found = re.match(r"\s*\[?([^\s\[\]<>(),;:\"\\@]+)", address.rpartition("@")[2]) if "@" in address else None
    return found and found[1].rstrip(".").lower()


@pytest.fixture(scope="module")
def domains_of():
    """A-labels of a domain that a library shows, by our own normalization."""
    def ask(names):
        lines = run([f"{BUILD}/tests/differential/from_domains"], "\n".join(encoded(f"a@{n}" for n in names)) + "\n")
        return {name: (line.split()[2:] or [name])[0] for name, line in zip(names, lines.splitlines())}
    return ask


def ours(fields):
    lines = run([f"{BUILD}/tests/differential/from_domains"], "\n".join(encoded(fields)) + "\n").splitlines()
    assert len(lines) == len(fields)
    return [line.split() for line in lines]


def readings(fields, modules):
    """For each field, {library: set of domains}."""
    text = json.dumps(encoded(fields))
    node = json.loads(run(["node", f"{HERE}/readers.mjs", str(modules)], text))
    perl = json.loads(run(["perl", f"{HERE}/readers.pl"], text))
    found = []
    for field, one, other in zip(fields, node, perl):
        libraries = {**one, **other, "Python": python_reads(field)}
        found.append({name: {shown(address) for address in addresses} - {None}
                      for name, addresses in libraries.items()})
    return found


def test_what_two_libraries_show_is_evaluated_or_refused(modules, domains_of):
    fields = all_fields()
    assert len(fields) > 300
    found = readings(fields, modules)
    names = domains_of(sorted(set().union(*(names for one in found for names in one.values()))))
    wrong, excepted = [], set()
    for field, libraries, (verdict, complete, *evaluated) in zip(fields, found, ours(fields)):
        for domain in set().union(*libraries.values()):
            showing = sorted(name for name, domains in libraries.items() if domain in domains)
            if len(showing) < 2 or complete == "incomplete" or names[domain] in evaluated:
                continue
            reasons = [at for at, (pattern, _) in enumerate(EXCEPTIONS) if re.search(pattern, field)]
            excepted.update(reasons)
            if not reasons:
                wrong.append(f"{field!r}: {domain} by {', '.join(showing)}; ours: {verdict} {evaluated}")
    # each library does show authors
    for name in found[0]:
        assert sum(bool(libraries[name]) for libraries in found) > len(fields) / 5, name
    assert not wrong, f"{len(wrong)} of {len(fields)}:\n" + "\n".join(wrong)
    assert excepted == set(range(len(EXCEPTIONS))), "an exception that nothing needs"
    print(f"{len(fields)} From fields, {len(EXCEPTIONS)} exceptions")


def test_the_spoofs_of_issue_11_are_shown_and_evaluated(modules):
    fields = ['"ceo@bank.test", <x@evil.test>', '<x@evil.test>, "ceo@bank.test"', "=?utf-8?B?Y2VvQGJhbmsudGVzdA==?="]
    for field, libraries, result in zip(fields, readings(fields, modules), ours(fields)):
        assert any("bank.test" in domains for domains in libraries.values()), field
        assert "bank.test" in result, field
