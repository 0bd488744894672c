"""How a GitHub runner reads the lines that a step prints: `ActionCommand.TryParseV2` and `TryParse`, in its own order.

https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

REGISTERED = frozenset(
    {"add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "remove-matcher"}
    | {"save-state", "set-env", "set-output", "stop-commands", "warning"}
)
_DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_PROPERTY = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
_OLD = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"}


@dataclass(frozen=True)
class Command:
    """A command as the runner understood it."""

    name: str
    properties: Mapping[str, str]
    data: str


def lines(printed: str) -> list[str]:
    """What is printed, by line: a carriage return alone ends one too."""
    return re.split("\r\n|\r|\n", printed.removesuffix("\n"))


def commands(printed: str) -> list[Command]:
    """Every command in what is printed."""
    return [command for line in lines(printed) if (command := parse(line))]


def parse(line: str) -> Command | None:
    """The command that a line is, or holds."""
    return _new(line) or _old(line)


def parse_loosely(line: str) -> Command | None:
    """The same where the runner's search follows a culture's rules, which pass over marks and controls."""
    return parse("".join(c for c in line if unicodedata.category(c) not in ("Cf", "Cc", "Mn")))


def _new(line: str) -> Command | None:
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, properties = line[2:end].partition(" ")
    if name.lower() not in REGISTERED:
        return None
    return Command(name, _properties(properties.strip().split(","), _PROPERTY), _unescaped(line[end + 2 :], _DATA))


def _old(line: str) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, properties = line[start + 3 : end].partition(" ")
    if name.lower() not in REGISTERED:
        return None
    return Command(name, _properties(properties.split(";"), _OLD), _unescaped(line[end + 1 :], _OLD))


def _properties(written: list[str], escapes: Mapping[str, str]) -> dict[str, str]:
    pairs = (each.lstrip("=").partition("=") for each in written)
    return {name: _unescaped(text.lstrip("="), escapes) for name, _, text in pairs if name and text.lstrip("=")}


def _unescaped(text: str, escapes: Mapping[str, str]) -> str:
    for code, character in escapes.items():
        text = text.replace(code, character)
    return text
