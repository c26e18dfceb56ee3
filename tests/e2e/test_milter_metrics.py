"""Metrics of mail through a real Postfix: each message is counted once, by its verdict and by its join."""

import json
import subprocess

import pytest

from lab import BUILD, TIMEOUT, Lab, free_port, message, wait_for
from scrape import Scrape, connect
from zones import BAD, ZONE

EVIL = {"client": BAD, "sender": "x@evil.test"}


@pytest.fixture(name="metered", scope="module")
def metered_fixture():
    """A laboratory of its own, whose counts no other test touches."""
    zone = dict(ZONE)
    zone["_dmarc.broken.test"] = {"CNAME": "_dmarc.broken.test"}  # a loop: SERVFAIL for all
    with Lab(zone, milter={"MetricsSocket": f"inet:{free_port()}@127.0.0.1",
                           "RequiredHeaders": True},
             IgnoreMailFrom=["none.test"], UMask="0000") as lab:
        lab.stop_policyd()
        lab.configure(policyd={"MetricsSocket": f"unix:{lab.folder}/spool/truefrom/metrics.sock"})
        lab.start_policyd()
        yield lab


def scrapes(lab):
    return (Scrape(lab.settings["policyd"]["MetricsSocket"]),
            Scrape(lab.settings["milter"]["MetricsSocket"]))


def difference(after, before):
    found = {key: after[key] - before.get(key, 0) for key in after}
    return {key: count for key, count in found.items() if count}


@pytest.fixture(name="counted")
def counted_fixture(metered):
    """counted(name) is what was added to a counter of the milter since the test began."""
    _, before = scrapes(metered)
    return lambda name: difference(scrapes(metered)[1].counts(name), before.counts(name))


MESSAGES, JOINS = "truefrom_milter_messages_total", "truefrom_milter_joins_total"


def test_each_verdict(metered, counted):
    for _ in range(3):
        assert metered.send(message("a@honest.test")).code == 250
    for _ in range(2):
        assert metered.send(message("a@reject.test"), **EVIL).code == 550
    assert metered.send(message("a@quarantine.test"), **EVIL).code == 250
    assert metered.send(message("a@nopolicy.test"), **EVIL).code == 250
    assert metered.send(message("a@testing.test"), **EVIL).code == 250
    assert counted(MESSAGES) == {("pass", "none"): 3, ("fail", "reject"): 2,
                                 ("fail", "quarantine"): 2, ("none", "none"): 1}
    assert counted(JOINS) == {("queueid",): 8}
    assert counted("truefrom_milter_evaluation_seconds_count") == {(): 8}


def test_what_the_log_says_is_what_is_counted(metered, counted):
    for name in ("honest", "reject", "quarantine", "nopolicy", "strict", "testing", "sub"):
        metered.send(message(f"a@{name}.test"), **EVIL)
    lines = metered.milter.text().splitlines()
    wanted = {}
    for line in [line for line in lines if " disposition=" in line][-7:]:
        words = line.split()
        key = words[3], words[5].split("=")[1]
        wanted[key] = wanted.get(key, 0) + 1
    assert counted(MESSAGES) == wanted


def test_dns_trouble_is_tempfail(metered, counted):
    reply = metered.send(message("a@broken.test"), **EVIL)
    assert reply.code == 451, str(reply)
    assert counted(MESSAGES) == {("temperror", "tempfail"): 1}
    questions = difference(
        {key: value for key, value in
         scrapes(metered)[1].counts("truefrom_dns_questions_total").items() if key[0] == "tempfail"}, {})
    assert questions[("tempfail", "no")] >= 1


def test_kinds_of_join(metered, counted):
    metered.send(message("a@honest.test"))
    metered.send(message("a@honest.test"), "data")
    metered.send(message("a@honest.test"), "none")
    metered.send(message("a@honest.test"), "recipient")
    assert counted(JOINS) == {("queueid",): 2, ("self",): 1, ("envelope",): 1}
    with metered.milter_settings(SPFSelfValidate=False):
        metered.send(message("a@honest.test"), "none", client="192.0.2.77")
    assert counted(JOINS)[("none",)] == 1


def test_ignored_and_refused(metered, counted):
    assert metered.send(message("a@reject.test"), client="203.0.113.99").code == 250
    assert metered.send(message("a@reject.test"), client=BAD, login=("joe", "secret")).code == 250
    assert metered.send(message("a@none.test"), **EVIL).code == 250
    assert metered.send(message("a@honest.test", date=False)).code == 550
    assert metered.send(message("a@honest.test, b@reject.test")).code == 550
    assert counted("truefrom_milter_ignored_total") == {("host",): 1, ("authenticated",): 1,
                                                        ("mail_from",): 1}
    assert counted("truefrom_milter_refused_total") == {("nonconforming",): 2}
    assert counted(MESSAGES) == {} and counted(JOINS) == {}


def test_fields_that_bear_our_name_are_counted(metered, counted):
    with metered.milter_settings():
        metered.configure(TrustedAuthservIDs=["elsewhere.test"])
        metered.reload(metered.milter)
        fields = "Authentication-Results: mx.lab.test; dmarc=pass\n" * 3
        # without OpenDKIM, which removes them itself
        assert metered.send(message("a@honest.test", fields), "nodkim").code == 250
        metered.configure(TrustedAuthservIDs=None)
    assert counted("truefrom_milter_fields_removed_total") == {(): 3}


def test_connections_and_messages_in_flight(metered):
    def depth():
        scrape = scrapes(metered)[1]
        return (scrape("truefrom_milter_connections"), scrape("truefrom_milter_messages_in_flight"))
    wait_for(lambda: depth() == (0, 0), "the sessions of before to end")
    with metered.session("nodkim") as first, metered.session("nodkim"):
        first.command("MAIL FROM:<user@honest.test>")
        wait_for(lambda: depth() == (2, 1), "two sessions and one message")
    wait_for(lambda: depth() == (0, 0), "the sessions to end")


def test_policyd_counts_what_postfix_asks(metered):
    before, _ = scrapes(metered)
    metered.send(message("a@honest.test"), recipients=[f"user{n}@rcpt.test" for n in range(3)])
    after, _ = scrapes(metered)
    name = "truefrom_policyd_requests_total"
    assert difference(after.counts(name), before.counts(name)) == {
        ("rcpt", "evaluated"): 1, ("rcpt", "same_message"): 2, ("data", "same_message"): 1}


def test_mail_goes_on_while_the_sockets_are_misused(metered, counted):
    idle = []
    for daemon in ("policyd", "milter"):
        for _ in range(50):
            client = connect(metered.settings[daemon]["MetricsSocket"])
            client.sendall(b"GET /metr")
            idle.append(client)
    for _ in range(5):
        assert metered.send(message("a@honest.test")).code == 250
    for client in idle:
        client.close()
    assert counted(MESSAGES) == {("pass", "none"): 5}


def test_a_restart_begins_anew_and_a_reload_does_not(metered):
    metered.send(message("a@honest.test"))
    before = scrapes(metered)[1].counts(MESSAGES)
    metered.reload(metered.milter)
    after = scrapes(metered)[1]
    assert after.counts(MESSAGES) == before
    assert after.counts("truefrom_reloads_total")[("done",)] >= 1
    metered.send(message("a@honest.test"))  # by the new setup's resolver
    assert scrapes(metered)[1].counts(MESSAGES)[("pass", "none")] == before[("pass", "none")] + 1
    assert metered.stop_milter() == 0
    metered.start_milter()
    assert scrapes(metered)[1].counts(MESSAGES) == {}


def test_stats_tells_the_same(metered):
    metered.send(message("a@reject.test"), **EVIL)
    _, milter = scrapes(metered)
    done = subprocess.run([f"{BUILD}/cli/truefrom", "-c", metered.config_path, "stats", "--json"],
                          capture_output=True, timeout=TIMEOUT, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)["daemons"][1]
    assert {(row["result"], row["disposition"]): row["count"] for row in told["messages"]
            if row["count"]} == milter.counts(MESSAGES)
    page = subprocess.run([f"{BUILD}/cli/truefrom", "-c", metered.config_path, "stats"],
                          capture_output=True, timeout=TIMEOUT, text=True, check=True).stdout
    assert "result=fail disposition=reject" in page and "kind=queueid" in page


def test_curl_reads_it(metered):
    """As doc/operations.md says."""
    path = metered.settings["policyd"]["MetricsSocket"][len("unix:"):]
    text = subprocess.run(["/usr/bin/curl", "-sS", "--fail", "--unix-socket", path, "http://localhost/metrics"],
                          capture_output=True, timeout=TIMEOUT, text=True, check=True).stdout
    assert "truefrom_policyd_requests_total{" in text
