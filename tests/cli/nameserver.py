"""A real DNS server for tests of the tool."""

import contextlib
import os
import pty
import subprocess

from lab import free_port, start_nsd, write_zone


@contextlib.contextmanager
def nameserver(folder, zone):
    """nsd with this zone (as in zones.py); gives "ADDRESS@PORT"."""
    write_zone(folder, zone)
    port = free_port()
    nsd = start_nsd(str(folder), "127.0.0.1", port)
    try:
        yield f"127.0.0.1@{port}"
    finally:
        nsd.stop()


def dead_nameserver():
    """An address at which nobody answers."""
    return f"127.0.0.1@{free_port()}"


def on_terminal(argv, streams, environment):
    """Run with these streams ("stdout", "stderr") on a terminal; what came there, and the status."""
    master, slave = pty.openpty()
    others = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
    with subprocess.Popen(argv, env=environment, **{**others, **dict.fromkeys(streams, slave)}) as child:
        os.close(slave)
        output = b""
        with contextlib.suppress(OSError):  # EIO: the other side has ended
            while piece := os.read(master, 65536):
                output += piece
        os.close(master)
        return output.decode(), child.wait(60)
