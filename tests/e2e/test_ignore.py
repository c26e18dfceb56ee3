"""Clients and authors whose mail is not evaluated."""

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


def test_authenticated_client_without_the_option(lab):
    lab.configure(IgnoreAuthenticatedClients=False)
    try:
        lab.reload(lab.policyd)
        lab.reload(lab.milter)
        assert not ignored(lab, client=BAD, login=("joe", "secret"))
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
    assert "client=203.0.113.5" not in lab.policyd.text().splitlines()[-1]
    before = lab.policyd.text().count("spf=")
    assert ignored(lab, client="203.0.113.5")
    assert lab.policyd.text().count("spf=") == before


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
