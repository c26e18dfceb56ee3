"""A daemon whose socket cannot be made says why and what to do, and has not started."""

import os
import subprocess

import pytest

from tool import program, write_config

MESSAGES = [
    ("local:{}/no/such.sock", "no such directory; make it, or change the socket"),
    ("local:{}/file", "a file that is no socket is there; remove it, or change the socket"),
    ("inet:9@192.0.2.99", "not an address of this host; change the socket"),
    ("inet:9@::1", "not an address of this host; change the socket"),
]


@pytest.mark.parametrize("daemon", ["milter", "policyd"])
@pytest.mark.parametrize("socket,message", MESSAGES)
def test_what_is_in_the_way_is_told(tmp_path, daemon, socket, message):
    os.mkdir(tmp_path / "state")
    (tmp_path / "file").write_text("precious")
    socket = socket.format(tmp_path)
    path = write_config(tmp_path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(f"local:{tmp_path}/{daemon}.sock", socket))
    done = subprocess.run([program(f"truefrom-{daemon}"), "-c", path], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, "TRUEFROM_ALLOW_ROOT": "1"})
    assert done.returncode == 1
    assert f"fatal: {daemon}.Socket {socket}: {message}\n" in done.stderr
    assert "started" not in done.stderr
    assert (tmp_path / "file").read_text() == "precious"
