"""Packages and installations, tried on bare Debian 12 machines."""

import glob
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for folder in (HERE, HERE + "/../e2e"):
    sys.path.insert(0, os.path.abspath(folder))

import pytest  # noqa: E402

pytest.register_assert_rewrite("checks")

import readme  # noqa: E402
from machine import Base, Machine  # noqa: E402
from mailhost import MailHost  # noqa: E402

POSTFIX, PACKAGE, BY_HAND = readme.steps(readme.INSTALL)


def machine_for(base, name, steps):
    """A running machine on which a new user did these steps of the README."""
    machine = Machine(base, name)
    try:
        for _, block, _ in steps:
            for command in readme.commands(block):
                if command.startswith("apt-get") and "../" not in command:
                    machine.fetch(command)
        host = MailHost(machine)
        host.start()
        return host
    except BaseException:
        machine.close()
        raise


@pytest.fixture(scope="session")
def base():
    made = Base()
    yield made
    made.close()


@pytest.fixture(scope="session")
def packaged(base):
    """A host with Postfix and OpenDKIM, on which the README's package was built; it is not installed yet."""
    host = machine_for(base, "package", [POSTFIX, PACKAGE])
    try:
        *build, install = readme.commands(PACKAGE[1])
        readme.follow(host.machine, [POSTFIX])
        for command in build:
            host.machine.run(command)
        host.before = host.snapshot()
        host.machine.run(install)
        yield host
    finally:
        host.close()


@pytest.fixture(scope="session")
def coming(base, packaged):
    """A host with Postfix, OpenDKIM and Debian's OpenDMARC, and the package that `packaged` built."""
    machine = Machine(base, "opendmarc")
    try:
        package, = glob.glob(f"{packaged.machine.root}/root/truefrom_[0-9]*.deb")
        shutil.copy(package, f"{machine.root}/root")
        todo = ["apt-get install postfix opendkim opendmarc", f"apt-get install ../{os.path.basename(package)}"]
        for command in todo:
            machine.fetch(command)
        host = MailHost(machine)
        host.start()
        for command in todo:
            host.machine.run(command)
        yield host
    finally:
        machine.close()


@pytest.fixture(scope="session")
def by_hand(base):
    """A host with Postfix and OpenDKIM, on which Truefrom was built and installed by hand."""
    host = machine_for(base, "by-hand", [POSTFIX, BY_HAND])
    try:
        packages, *install = readme.commands(BY_HAND[1])
        readme.follow(host.machine, [POSTFIX])
        host.machine.run(packages)
        host.before = host.snapshot()
        for command in install:
            host.machine.run(command)
        yield host
    finally:
        host.close()
