"""A host as OpenDMARC's tutorials make it becomes one with Truefrom, by the README alone."""

import re

import checks
import readme
from lab import TOP
from mailhost import HONEST

MIGRATE, MAIN_CF, COMMANDS, HOLD, RELOAD = readme.steps(readme.COMING)
TUTORIAL = """
install -d -o opendmarc -g opendmarc -m 750 /var/spool/postfix/opendmarc
adduser --quiet postfix opendmarc
install -d /etc/opendmarc
printf '%s\\n' 127.0.0.1 ::1 > /etc/opendmarc/ignore.hosts
"""


def test_the_tutorial_works(coming):
    """Not ours to test, but what follows would mean nothing without."""
    run, machine = coming.machine.run, coming.machine
    readme.follow(machine, readme.steps(readme.SETUP)[:2])
    for command in TUTORIAL.strip().splitlines():
        run(command)
    with open(f"{TOP}/tests/data/opendmarc-tutorial.conf", encoding="utf-8") as file:
        lines = re.sub("(?m)^#.*\n", "", file.read()).replace("@FOLDER@", "/etc/opendmarc")
    machine.write("/etc/opendmarc.conf", readme.edit(machine.read("/etc/opendmarc.conf"),
                                                     lines.replace("mail.example.org", "mx.example.org")))
    machine.write("/etc/postfix/main.cf", readme.edit(machine.read("/etc/postfix/main.cf"), MAIN_CF[1]))
    run("systemctl restart opendkim opendmarc postfix")
    results = coming.delivered(coming.send("Anna <anna@honest.example>", "anna@honest.example", HONEST))
    assert any(field.startswith("OpenDMARC; dmarc=pass") for field in results), results


def test_the_readme_leads_from_there_to_a_refused_spoof(coming):
    run = coming.machine.run
    (command,) = readme.commands(MIGRATE[1])
    told = run(command)
    assert told.endswith("\n" + COMMANDS[1]), told
    assert "SERVFAIL" in told and "np=" in told and "Several author domains in one From" in told
    readme.follow(coming.machine, [COMMANDS])
    assert coming.machine.fails("systemctl is-active opendmarc")
    checks.still_rejects_a_spoof(coming)


def test_and_to_a_message_held_and_released(coming):
    readme.follow(coming.machine, [HOLD, RELOAD])
    coming.logged("reloaded")
    checks.holds_and_releases(coming)


def test_removal_says_which_lines_still_name_it(coming):
    told = coming.machine.run("apt-get remove truefrom")
    for name in ("smtpd_milters", "smtpd_recipient_restrictions", "smtpd_data_restrictions"):
        assert re.search(rf"(?m)^{name} = .*truefrom/", told), told
    assert "non_smtpd_milters" not in told
