"""The Debian package: built and installed as the README says, upgraded, removed, purged."""

import glob
import subprocess

import pytest

import checks

CONFIG = "/etc/truefrom/truefrom.conf"


def test_build_is_lintian_clean(packaged):
    packaged.machine.run("dpkg-buildpackage -us -uc -S")
    changes = glob.glob(f"{packaged.machine.root}/root/truefrom_*.changes")
    assert len(changes) == 2  # of the package and of its source
    found = subprocess.run(["lintian", "--display-experimental", "--display-info", "--pedantic",
                            "--fail-on=error,warning,info,pedantic,experimental", *changes],
                           capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, ""), found.stdout + found.stderr


def test_source_package_is_a_clean_checkout(packaged):
    names = packaged.machine.run("tar -tf ../truefrom_*.tar.xz").splitlines()
    folders = {name.split("/")[1] for name in names}
    assert {"debian", "common", "configure.ac", "README.md"} <= folders
    assert not folders & {"build", ".git", "configure", "Makefile"}


def test_has_the_version_of_the_programs(packaged):
    version = packaged.machine.run("dpkg-query -W -f '${Version}' truefrom")
    assert packaged.machine.run("truefrom -V").split()[-1] == version


def test_installs(packaged):
    checks.sets_up_what_it_needs(packaged)
    conffiles = packaged.machine.run("dpkg-query -W -f '${Conffiles}' truefrom").split()[::2]
    assert sorted(conffiles) == ["/etc/truefrom/ignore.hosts", CONFIG]


def test_readme_leads_to_a_postfix_that_rejects_a_spoof(packaged):
    spent = packaged.machine.seconds
    checks.rejects_a_spoof(packaged)
    print(f"package: {packaged.machine.seconds:.0f} s of machine time ({spent:.0f} s to the installed package)")


def test_after_a_reboot_it_works_by_itself(packaged):
    packaged.restart()
    checks.sets_up_what_it_needs(packaged)
    checks.still_rejects_a_spoof(packaged)


@pytest.mark.parametrize("daemon", ["truefrom-policyd", "truefrom-milter"])
def test_reload_of_a_broken_file_fails_and_changes_nothing(packaged, daemon):
    run, good = packaged.machine.run, packaged.machine.read(CONFIG)
    process = run(f"systemctl show -P MainPID {daemon}")
    try:
        packaged.machine.write(CONFIG, good + "Nonsense = 1;\n")
        assert packaged.machine.fails(f"systemctl reload {daemon}")
        assert "Nonsense: unknown option" in run(f"journalctl -u {daemon} -o cat")
    finally:
        packaged.machine.write(CONFIG, good)
    run(f"systemctl reload {daemon}")
    assert run(f"systemctl show -P MainPID {daemon}") == process
    checks.still_rejects_a_spoof(packaged)


def test_upgrade_restarts_the_daemons_and_keeps_the_configuration(packaged):
    run = packaged.machine.run
    changed = packaged.machine.read(CONFIG)
    assert "RejectFailures = true" in changed
    process = run("systemctl show -P MainPID truefrom-milter")
    run("rm -rf /tmp/next && dpkg-deb -R ../truefrom_*.deb /tmp/next")
    run("sed -i 's/^Version: .*/&+next/' /tmp/next/DEBIAN/control && dpkg-deb -b /tmp/next /tmp/truefrom_next.deb")
    run("apt-get install /tmp/truefrom_next.deb")
    assert run("dpkg-query -W -f '${Version}' truefrom").endswith("+next")
    assert packaged.machine.read(CONFIG) == changed
    assert run("systemctl show -P MainPID truefrom-milter") != process
    checks.sets_up_what_it_needs(packaged)
    checks.still_rejects_a_spoof(packaged)


def test_removal_keeps_the_configuration_for_the_next_installation(packaged):
    run = packaged.machine.run
    changed = packaged.machine.read(CONFIG)
    run("apt-get remove truefrom")
    assert packaged.machine.read(CONFIG) == changed
    assert packaged.machine.fails("pgrep truefrom")
    assert packaged.machine.fails("command -v truefrom truefrom-milter truefrom-policyd")
    run("apt-get install ../truefrom_*.deb")
    assert packaged.machine.read(CONFIG) == changed
    checks.sets_up_what_it_needs(packaged)
    checks.still_rejects_a_spoof(packaged)


def test_purge_leaves_nothing(packaged):
    run = packaged.machine.run
    # what an operator and the daemons add
    run("touch /etc/truefrom/ignore.more; mkdir -p /var/lib/truefrom/history; touch /var/lib/truefrom/history/1")
    run("apt-get purge truefrom")
    checks.nothing_is_left(packaged)
    assert packaged.machine.fails("pgrep truefrom")
