"""One laboratory serves all tests of a run; whoever needs another kind of it starts their own."""

import os
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from lab import Lab  # noqa: E402
from zones import ZONE  # noqa: E402


@pytest.fixture(scope="session")
def shared_lab():
    with Lab(ZONE) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab):
    """The shared laboratory; both daemons must have survived the test."""
    yield shared_lab
    assert shared_lab.milter.process.poll() is None, shared_lab.milter.text()
    assert shared_lab.policyd.process.poll() is None, shared_lab.policyd.text()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """With a failure, show what the daemons logged during that test."""
    outcome = yield
    report = outcome.get_result()
    used = item.funcargs.get("lab") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and used is not None:
        for daemon in (used.policyd, used.milter):
            if daemon is not None:
                report.sections.append((daemon.name, daemon.text()[-4000:]))
        report.sections.append(("postfix", used.postfix_log()[-4000:]))
