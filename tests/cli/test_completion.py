"""Completion for bash: the file is sourced, its function called as bash does it."""

import os
import re
import shlex
import subprocess

import pytest

from tool import TOP, program, truefrom

COMPLETION = f"{TOP}/etc/bash-completion/truefrom"


def complete(*words, folder="/", shell_program=None):
    """What bash offers for the last of these words, sorted."""
    words = [shell_program or program("truefrom"), *words]
    script = f"""
        set -u
        . {shlex.quote(COMPLETION)}
        [[ $(complete -p truefrom) == "complete -F _truefrom truefrom" ]] || exit 3
        COMP_WORDS=({' '.join(map(shlex.quote, words))})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _truefrom "${{COMP_WORDS[0]}}" "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
        [[ ${{#COMPREPLY[@]}} -eq 0 ]] || printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, cwd=folder,
                          timeout=60, check=True)
    assert done.stderr == ""
    return sorted(done.stdout.splitlines())


def commands():
    """The commands that the help lists."""
    listed = truefrom("-h").stdout.split("commands", 1)[1]
    return sorted(re.findall(r"^  (\w+) ", listed, re.MULTILINE))


def test_all_commands_are_offered():
    assert "migrate" in commands()
    assert complete("") == commands()


def test_a_command_is_completed():
    assert complete("mig") == ["migrate"]
    assert complete("-c", "/etc/x.conf", "mig") == ["migrate"]
    assert complete("nonsense") == []


def test_options_before_the_command():
    assert complete("-") == ["-V", "-c", "-h", "-t"]


def test_options_of_migrate():
    assert complete("migrate", "--") == ["--config-dir", "--force", "--help", "--output"]
    assert complete("migrate", "--fo") == ["--force"]
    assert complete("migrate", "-") == ["--config-dir", "--force", "--help", "--output", "-f", "-h", "-o"]
    assert complete("-c", "x", "migrate", "--o") == ["--output"]


@pytest.mark.parametrize("command", commands())
def test_each_command_has_its_options(command):
    options = complete(command, "--")
    assert options and set(options) <= set(re.findall(r"--[a-z-]+", truefrom(command, "-h").stdout))


@pytest.mark.parametrize("words", [("-c",), ("migrate",), ("migrate", "-f"), ("migrate", "-o"),
                                   ("migrate", "--output"), ("-c", "x", "migrate", "-o")])
def test_files_are_offered(tmp_path, words):
    for name in ("one.conf", "one two.conf", "other"):
        (tmp_path / name).write_text("")
    assert complete(*words, "one", folder=tmp_path) == ["one two.conf", "one.conf"]


@pytest.fixture(name="other")
def fixture_other(tmp_path):
    """A program with a command whose options take each kind of thing."""
    path = tmp_path / "other"
    path.write_text("""#!/bin/sh
if [ "$1" = do ]; then
    echo 'usage: other do [--in FILE] [--below DIR] [-q | --quiet] --at ADDRESS[@PORT]'
    echo '  -n, --number N   how many (default 8)'
    echo '  --list           A list, of well-known things'
else
    echo '  -c FILE  configuration'
    echo '  do       what there is to do'
fi
""")
    path.chmod(0o755)
    return path


def test_what_an_option_takes_is_read_in_the_help(tmp_path, other):
    def offered(*words):
        return complete(*words, folder=tmp_path, shell_program=str(other))

    os.mkdir(tmp_path / "folder")
    assert offered("") == ["do"]
    assert offered("do", "-") == ["--at", "--below", "--in", "--list", "--number", "--quiet", "-n", "-q"]
    assert offered("do", "--in", "") == offered("-c", "") == ["folder", "other"]
    assert offered("do", "--below", "") == ["folder"]
    for option in ("--at", "--number"):
        assert offered("do", option, "") == offered("do", option, "-") == []
    assert offered("do", "--list", "--q") == offered("do", "-q", "--q") == ["--quiet"]
    assert offered("do", "") == []


def test_a_program_that_is_not_there_is_no_error():
    assert complete("mig", shell_program="/nonexistent/truefrom") == []
    assert complete("migrate", "--", shell_program="/nonexistent/truefrom") == []
