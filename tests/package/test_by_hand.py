"""make install: by hand as the README says, and undone as doc/packaging.md says."""

import re

import checks
import readme
from lab import TOP


def test_installs(by_hand):
    checks.sets_up_what_it_needs(by_hand)


def test_readme_leads_to_a_postfix_that_rejects_a_spoof(by_hand):
    spent = by_hand.machine.seconds
    checks.rejects_a_spoof(by_hand)
    print(f"by hand: {by_hand.machine.seconds:.0f} s of machine time ({spent:.0f} s to the installed programs)")


def test_puts_the_same_files_as_the_package(by_hand, packaged):
    listed = packaged.machine.run("dpkg-deb -c ../truefrom_[0-9]*.deb").splitlines()
    package = {line.split()[5][1:] for line in listed if not line.startswith("d")}
    # Debian's are: the place of units (/lib is /usr/lib), compression, and a few documents
    package = {re.sub("^/lib/", "/usr/lib/", name.removesuffix(".gz")) for name in package}
    package -= {"/usr/share/doc/truefrom/changelog", "/usr/share/doc/truefrom/copyright",
                "/usr/share/lintian/overrides/truefrom"}
    added = [line.split(" ") for line in by_hand.snapshot()[0] - by_hand.before[0]]
    assert {name for name, kind, *_ in added if kind == "f" and not name.startswith(("/run/", "/var/"))} == package


def test_installing_again_keeps_the_configuration(by_hand):
    changed = by_hand.machine.read("/etc/truefrom/truefrom.conf")
    assert "RejectFailures = true" in changed
    by_hand.machine.run("make install")
    assert by_hand.machine.read("/etc/truefrom/truefrom.conf") == changed


def test_removal_leaves_nothing(by_hand):
    with open(f"{TOP}/doc/packaging.md", encoding="utf-8") as file:
        text = file.read()
    (_, block, _), = readme.steps(text[text.index("## Removing what was installed by hand"):])[:1]
    for command in readme.commands(block):
        by_hand.machine.run(command)
    checks.nothing_is_left(by_hand)
    assert by_hand.machine.fails("pgrep truefrom")
