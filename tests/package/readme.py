"""The README as a new user would follow it: its commands, its lines for configuration files, its session."""

import re

from lab import TOP


def section(title):
    """The README's text below a heading, up to the next one of that level or above."""
    with open(f"{TOP}/README.md", encoding="utf-8") as file:
        text = file.read()
    level = len(re.match("#+", title).group(0))
    found = re.search(rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.M | re.S)
    if not found:
        raise LookupError(f"README.md has no section {title}")
    return found.group(1)


INSTALL, SETUP = section("## Install it on Debian 12").split("### Set it up\n")
TEST = section("## Test it")
COMING = section("## Coming from OpenDMARC")


def steps(text):
    """Its blocks of code, in their order: (language, block, the last file in /etc named before it)."""
    found, name = [], None
    for prose, language, block in re.findall(r"(.*?)^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        for name in re.findall(r"`(/etc/[\w./-]+)`", prose):
            pass
        found.append((language, block, name))
    return found


def commands(block):
    """The commands of a block; a line that ends in a backslash goes on in the next."""
    return block.replace("\\\n", " ").splitlines()


def follow(machine, todo):
    """Do the steps on the machine: run the commands, edit the files."""
    for language, block, name in todo:
        if language == "sh":
            for command in commands(block):
                machine.run(command)
        else:
            machine.write(name, edit(machine.read(name), block))


def edit(text, lines):
    """A configuration file after a user has set in it what the README's lines say: a setting whose line
    the file has, in use or commented out, is changed there; any other comes at the end."""
    for setting in re.findall(r"^\S.*\n(?:[ \t].*\n)*", lines, re.M):
        key = re.match(r"\w+", setting).group(0)
        text, changed = re.subn(rf"^([ \t]*)#?{key}[ \t].*\n", lambda old, new=setting: old.group(1) + new,
                                text, count=1, flags=re.M)
        if not changed:
            text += setting
    return text


def session(block):
    """The lines that a client sends in a session shown by the README, and the last reply."""
    *sent, reply = block.rstrip("\n").split("\n")[1:]
    return sent, reply
