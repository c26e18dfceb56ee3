"""Clients and authors whose mail is not evaluated."""

import re
import time

import pytest

from lab import Lab, message, wait_for
from zones import BAD, ZONE

SPOOF = "a@reject.test"


def ignored(lab, **kwargs):
    """Was a spoof from this client let pass without any of our traces?"""
    reply = lab.send(message(SPOOF), sender="x@evil.test", **kwargs)
    if reply.code == 250:
        assert not any("dmarc=" in field for field in lab.results(reply))
        assert f"{reply.queue_id}:" not in lab.milter.text()
    else:
        assert str(reply) == "550 5.7.1 rejected by DMARC policy for reject.test"
    return reply.code == 250


@pytest.fixture
def ignore_hosts(lab):
    """Write lines into ignore.hosts and wait until they count."""
    with open(lab.ignore_hosts, encoding="utf-8") as file:
        before = file.read()

    def write(text, client, expected=True, **kwargs):
        with open(lab.ignore_hosts, "w", encoding="utf-8") as file:
            file.write(text)
        wait_for(lambda: ignored(lab, client=client, **kwargs) == expected,
                 "ignore.hosts to take effect", 10)
    yield write
    write(before, "203.0.113.99")


def test_authenticated_client(lab):
    assert ignored(lab, client=BAD, login=("joe", "secret"))


IGNORING = r"^truefrom-milter\[\d+\]: ignoring connection from (.*)$"


def test_what_is_ignored_leaves_a_line_once_a_connection(lab, ignore_hosts):
    ignore_hosts("203.0.113.61\n", "203.0.113.61")

    def lines():
        return re.findall(IGNORING, lab.milter.text(), re.M)
    for options in ({"client": "203.0.113.61", "name": "mail.friend.test"}, {"client": BAD, "login": ("joe", "secret")}):
        before = len(lines())
        with lab.session(**options) as session:
            for _ in range(3):
                assert session.send(message(SPOOF), sender="x@evil.test").code == 250
        assert lines()[before:] == [f"{options.get('name', 'unknown')} [{options['client']}]"]
    before = len(lines())
    assert lab.send(message("a@honest.test")).code == 250
    assert len(lines()) == before


def test_authenticated_client_without_the_option(lab):
    lab.configure(IgnoreAuthenticatedClients=False)
    try:
        lab.reload(lab.policyd)
        lab.reload(lab.milter)
        # without OpenDKIM, which signs the mail of such a client, so that nobody verified it
        assert not ignored(lab, attachment="nodkim", client=BAD, login=("joe", "secret"))
    finally:
        lab.settings.pop("IgnoreAuthenticatedClients")
        lab.configure()
        lab.reload(lab.policyd)
        lab.reload(lab.milter)


def test_forms_of_entries(lab, ignore_hosts):
    ignore_hosts("# a comment\n203.0.113.0/25 # the office\n!203.0.113.7\n2001:db8:5::/48\n"
                 "2001:db8:6::1\nmail.friend.test\n.inside.test\n198.51.100.20\n", "198.51.100.20")
    assert ignored(lab, client="203.0.113.1")
    assert not ignored(lab, client="203.0.113.7")
    assert not ignored(lab, client="203.0.113.129")
    assert ignored(lab, client="2001:db8:5:1::1")
    assert ignored(lab, client="2001:db8:6::1")
    assert not ignored(lab, client="2001:db8:6::2")
    assert ignored(lab, client=BAD, name="mail.friend.test")
    assert ignored(lab, client=BAD, name="MAIL.Friend.test")
    assert not ignored(lab, client=BAD, name="other.friend.test")
    assert ignored(lab, client=BAD, name="a.b.inside.test")
    assert not ignored(lab, client=BAD, name="inside.test")
    assert not ignored(lab, client=BAD)


def test_helo_name_is_not_a_verified_name(lab, ignore_hosts):
    ignore_hosts("mail.friend.test\n203.0.113.5\n", "203.0.113.5")
    assert not ignored(lab, client=BAD, helo="mail.friend.test")


def test_policyd_ignores_too(lab, ignore_hosts):
    ignore_hosts("203.0.113.5\n", "203.0.113.5")

    def evaluations():
        return lab.policyd.text().count("spf=")

    def ignored_by_policyd():
        before = evaluations()
        assert ignored(lab, client="203.0.113.5")
        return evaluations() == before
    wait_for(ignored_by_policyd, "truefrom-policyd to look at the file", 5)  # each daemon has its own clock
    assert ignored_by_policyd()


def test_added_line_counts_within_two_seconds(lab, ignore_hosts):
    assert not ignored(lab, client="203.0.113.200")
    with open(lab.ignore_hosts, "a", encoding="utf-8") as file:
        file.write("203.0.113.200\n")
    time.sleep(2)
    assert ignored(lab, client="203.0.113.200")
    ignore_hosts("203.0.113.99\n", "203.0.113.200", expected=False)


def test_broken_line_is_logged_and_skipped(lab, ignore_hosts):
    ignore_hosts("203.0.113.1\n203.0.113.300\n203.0.113.2\n", "203.0.113.2")
    assert f"{lab.ignore_hosts}:2:" in lab.milter.text()
    assert ignored(lab, client="203.0.113.1")


def test_ignored_authors(lab):
    lab.configure(IgnoreMailFrom=["reject.test", ".sub.test"])
    try:
        lab.reload(lab.milter)
        assert lab.send(message("a@reject.test"), client=BAD, sender="x@evil.test").code == 250
        both = lab.send(message("a@reject.test, b@strict.test"), client=BAD, sender="x@evil.test")
        assert both.code == 550
        reply = lab.send(message("a@news.sub.test"), client=BAD, sender="x@evil.test")
        assert reply.code == 250 and not lab.held(reply)
        assert lab.send(message("a@sub.test"), client=BAD, sender="x@evil.test").code == 550
    finally:
        lab.settings.pop("IgnoreMailFrom")
        lab.configure()
        lab.reload(lab.milter)


def test_without_a_file_loopback_is_ignored():
    with Lab(ZONE, IgnoreHosts=None) as lab:
        assert ignored(lab, client="127.0.0.5")
        assert ignored(lab, client="::1")
        assert not ignored(lab, client=BAD)


def test_with_a_file_loopback_is_ignored_only_if_listed(lab):
    assert not ignored(lab, client="127.0.0.1")
