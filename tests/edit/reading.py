"""What tests read out of a file by means of their own: its comments, and which agents stand above each."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from reconciler.core.desired.read import ParsedFiles, parse_files, read_desired
from reconciler.core.model.desired import DesiredState
from reconciler.core.model.problem import Place
from reconciler.core.yaml.document import parse
from reconciler.core.yaml.nodes import Sequence
from reconciler.errors import InvalidFiles

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yaml"))
FORMATTED = sorted((Path(__file__).parent / "formatted").glob("*.yaml"))
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*", re.MULTILINE)


def lines_of(data: bytes) -> list[str]:
    """Its lines, whatever ends them."""
    return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def comments_of(data: bytes) -> list[str]:
    """Every comment of a file of the corpus, where ` #` begins nothing else, in order."""
    return [found.rstrip() for line in lines_of(data) for found in _COMMENT.findall(line)]


def stated(data: bytes) -> DesiredState:
    """What a file without problems says, places and fingerprint apart."""
    state, problems = read_desired("agents.yaml", data)
    assert state is not None, problems
    nowhere = Place("", 0)
    return replace(state, sha256="", agents=tuple(replace(agent, place=nowhere) for agent in state.agents))


def parsed(file: str, data: bytes) -> ParsedFiles:
    """A file parsed and resolved.

    Raises:
        InvalidFiles: it has problems.
    """
    reading = parse_files(((file, data),))
    if reading.problems:
        raise InvalidFiles(reading.problems)
    return reading


def between_agents(data: bytes, comments: list[str]) -> dict[str, int]:
    """How many agents have begun where each comment stands; only of those between the first agent and the last."""
    text = "\n".join(lines_of(data))
    begins = _agents_begin(text)
    found = {comment: text.index(comment) for comment in comments}
    inside = {comment: at for comment, at in found.items() if begins and begins[0] <= at < begins[-1]}
    return {comment: sum(begin <= at for begin in begins) for comment, at in inside.items()}


def _agents_begin(text: str) -> list[int]:
    document, _ = parse("", text.encode())
    agents = document.root.get("agents") if document else None
    if document is None or not isinstance(agents, Sequence):
        return []
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    places = [document.place(("agents", index)) for index in range(len(agents))]
    return [_dash(text, starts[place.line - 1] + place.column - 1) for place in places]


def _dash(text: str, at: int) -> int:
    """Where the entry begins whose mapping begins at `at`: at its dash, if comments or an anchor stand between."""
    if text[at] == "{":
        return at
    found = list(re.finditer(r"^ *-(?=\s)(?:[ \t]*&\S+)?(?:\s|#.*$)*", text[:at], re.MULTILINE))
    return found[-1].start() if found and found[-1].end() == at else at
