"""What the programs log when something is wrong reads like Postfix's lines, says what to do, and stands
in doc/operations.md as it is logged."""

import glob
import re

import pytest

from tool import TOP

CALL = re.compile(r'\blog_(warning|error|fatal)\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
# what an operator is told to do, or asked to look at
WHAT_TO_DO = re.compile(r"\b(add|change|correct|find out|let|look at|make|raise|remove|restart|see that|set|stop|"
                        r"use)\b|\buntil (it is|the file can)\b|\?$")


def texts():
    """(level, format) of each call in the programs."""
    found = []
    for folder in ("common", "policyd", "milter", "cli"):
        for path in sorted(glob.glob(f"{TOP}/{folder}/**/*.c", recursive=True)):
            with open(path, encoding="utf-8") as file:
                source = file.read()
            for level, literals in CALL.findall(source):
                text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))
                found.append((level, text.replace('\\"', '"')))
    return found


def in_order(pieces, text):
    """Does the text have the pieces, one after the other?"""
    at = 0
    for piece in pieces:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def test_the_calls_are_found():
    levels = [level for level, _ in texts()]
    assert levels.count("warning") > 10 and "error" in levels and "fatal" in levels


@pytest.mark.parametrize("level,text", sorted(set(texts())))
def test_it_reads_like_postfix_and_says_what_to_do(level, text):
    assert not text.endswith((".", "!", " ")) and not text.startswith(" ") and "  " not in text
    first = text.split()[0]
    # a word in lower case, a value, or the name of an option, a library, a program
    assert first[0].islower() or first.startswith(("%", "Postfix", "DNS", "SPF")) or re.match(
        r"[A-Z][a-z]+[A-Z]\w+|UserID", first), text
    if level == "warning" or ";" in text:
        assert WHAT_TO_DO.search(text), f"{level}: {text}: what is to be done?"


def test_the_operators_table_has_the_lines_as_they_are_logged():
    with open(f"{TOP}/doc/operations.md", encoding="utf-8") as file:
        told = re.findall(r"`(warning|error|fatal): ([^`]*?)`", file.read().replace("\n", " "))
    assert len(told) > 10
    for level, line in told:
        pieces = re.split(r"…|\b(?:N|NAME|FILE:LINE|FILE|QUEUEID)\b", line)
        assert any(level == logged and in_order(pieces, text) for logged, text in texts()), line
