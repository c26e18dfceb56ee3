"""What holds of an installed Truefrom, however it was installed."""

import readme
from mailhost import HONEST, SPOOFER, enforce, queued_as, set_up

OWNERS = {
    "/etc/truefrom": "755 root:root",
    "/etc/truefrom/truefrom.conf": "644 root:root",
    "/etc/truefrom/ignore.hosts": "644 root:root",
    "/run/truefrom": "755 root:root",
    "/run/truefrom/state": "2750 truefrom-policyd:truefrom",
    "/var/spool/postfix/truefrom": "3770 root:postfix",
    "/var/spool/postfix/truefrom/policyd.sock": "770 truefrom-policyd:postfix",
    "/var/spool/postfix/truefrom/milter.sock": "770 truefrom-milter:postfix",
}


def sets_up_what_it_needs(host):
    """Users, directories and running units."""
    run = host.machine.run
    for user in ("truefrom-policyd", "truefrom-milter"):
        *_, home, shell = run(f"getent passwd {user}").strip().split(":")
        assert (home, shell) == ("/nonexistent", "/usr/sbin/nologin")
        assert run(f"systemctl is-enabled {user}").strip() == "enabled"
        assert run(f"systemctl is-active {user}").strip() == "active"
        process = run(f"ps -o user:32=,group:32= -p $(systemctl show -P MainPID {user})").split()
        assert process == [user, "truefrom"]
    found = run("stat -c '%n %a %U:%G' " + " ".join(OWNERS))
    assert dict(line.split(" ", 1) for line in found.splitlines()) == OWNERS


def spoof(host):
    """The README's own session; the reply, and the one that it shows."""
    lines, expected = next(readme.session(block) for _, block, _ in readme.steps(readme.TEST)
                           if block.startswith("$ telnet"))
    return host.session(lines, SPOOFER), expected


def rejects_a_spoof(host):
    """By the README: first marked, then refused; honest mail arrives throughout."""
    set_up(host)
    # Postfix and OpenDKIM: who marks is there, and nobody refuses yet
    reply, expected = spoof(host)
    assert any("dmarc=fail (p=reject dis=none)" in field for field in host.delivered(reply)), host.delivered(reply)
    enforce(host)
    host.logged("reloaded")
    still_rejects_a_spoof(host)
    holds_and_releases(host)
    host.logged(r"paypal\.com fail policy=reject disposition=reject spf=none/elsewhere\.example "
                rf"dkim=none/- client={SPOOFER} join=queueid msgid=")
    assert expected.startswith("550")


def still_rejects_a_spoof(host):
    reply, expected = spoof(host)
    assert reply == expected
    results = host.delivered(host.send("Anna <anna@honest.example>", "anna@honest.example", HONEST))
    assert any("dmarc=pass (p=reject dis=none)" in field for field in results), results


def holds_and_releases(host):
    """What is to be quarantined waits until the README's command lets it go."""
    reply = host.send("Shop <sale@shop.example>", "someone@elsewhere.example", SPOOFER)
    queue_id = queued_as(reply)
    assert host.held(queue_id)
    host.logged(rf"{queue_id}: shop\.example fail policy=quarantine disposition=quarantine ")
    (_, block, _), = [step for step in readme.steps(readme.TEST) if "postsuper" in step[1]]
    readme.follow(host.machine, [("sh", block.replace("QUEUEID", queue_id), None)])
    assert any("dmarc=fail (p=quarantine dis=quarantine)" in field for field in host.delivered(reply))


def nothing_is_left(host):
    """Every file, user and group is as it was before the installation."""
    files, users = host.snapshot()
    files_before, users_before = host.before
    added, gone = sorted(files - files_before), sorted(files_before - files)
    assert (added, gone) == ([], []), f"added: {added}\ngone: {gone}"
    assert users == users_before
