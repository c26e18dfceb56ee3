"""Many messages through both daemons: what they hold does not grow.

SOAK_MESSAGES (10,000) sets how many. Under the sanitizers the daemons' memory says nothing; there the
leak check at their end does.
"""

import os
import re

from lab import Lab
from test_join import send_all
from zones import ZONE

MESSAGES = int(os.environ.get("SOAK_MESSAGES", "10000"))
SANITIZED = os.environ.get("TRUEFROM_SANITIZED") == "1"
WARM = 2000  # messages until everything that is kept is there
GROWTH_MAX = 2048  # KiB


def resident(daemon):
    """KiB of memory of its own, and of the state store's map: that one is bounded by StateSize, and
    holds what came in the last StateLifetime seconds."""
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        status = file.read()
    return [int(re.search(rf"^{name}:\s+(\d+) kB$", status, re.M).group(1))
            for name in ("RssAnon", "RssFile")]


def test_soak():
    with Lab(ZONE) as lab:
        send_all(lab, WARM, "nodkim")
        warm = resident(lab.policyd), resident(lab.milter)
        send_all(lab, MESSAGES - WARM, "nodkim")
        end = resident(lab.policyd), resident(lab.milter)
        assert (lab.stop_policyd(), lab.stop_milter()) == (0, 0)
    print(f"\nresident KiB, own and mapped, of policyd and milter: {warm} after {WARM} messages, "
          f"{end} after {MESSAGES}")
    if not SANITIZED:
        assert end[0][0] - warm[0][0] < GROWTH_MAX
        assert end[1][0] - warm[1][0] < GROWTH_MAX
