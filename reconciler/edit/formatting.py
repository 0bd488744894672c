"""A file in canonical spelling, its comments and groups kept. Every run checks that its meaning has not changed."""

from __future__ import annotations

import json
from typing import Any

from reconciler.core.desired.problems import schema_problems
from reconciler.core.desired.resolve import resolve
from reconciler.core.model.fields import BY_NAME, Kind, canon
from reconciler.core.model.problem import Problem
from reconciler.core.yaml.document import Document, parse
from reconciler.edit.canonical import canonical
from reconciler.edit.printer import print_tree
from reconciler.edit.tree import comments, read_tree
from reconciler.errors import InvalidFiles, ReconcilerError


def fmt(file: str, data: bytes) -> bytes:
    """The file's bytes in canonical form; formatting them again changes nothing.

    The rules across agents and files are not checked, so that one file of several can be formatted on its own, and so
    can an unfinished one.

    Raises:
        InvalidFiles: the parser or the schema finds problems; carries them all.
        ReconcilerError: the file cannot be formatted without changing its meaning or losing a comment.
    """
    document = _checked(file, data)
    tree = read_tree(document.text)
    canonical(tree)
    text = print_tree(tree)
    formatted = text.encode()
    if not (_same_meaning(document, formatted) and tree.comments == comments(text)):
        raise ReconcilerError(
            f"{file} cannot be formatted without changing it", "it is left as it is; please report it"
        )
    return formatted


def _checked(file: str, data: bytes) -> Document:
    document, parser_problems = parse(file, data)
    if document is None:
        raise InvalidFiles(parser_problems)
    reported = {problem.place for problem in parser_problems}  # a schema problem at such a place only follows from it
    others = (problem for problem in schema_problems(document) if problem.place not in reported)
    problems: list[Problem] = sorted((*parser_problems, *others), key=lambda problem: problem.place)
    if problems:
        raise InvalidFiles(tuple(problems))
    return document


def _same_meaning(before: Document, formatted: bytes) -> bool:
    """Whether both say the same, as a whole and for every agent that they resolve to."""
    after, problems = parse(before.file, formatted)
    return after is not None and not problems and _meaning(before) == _meaning(after)


def _meaning(document: Document) -> str:
    agents = [
        [agent.operator_id, {name: _plain(name, value.value) for name, value in agent.values.items()}]
        for agent in resolve((document,))
    ]
    return json.dumps([_plain("", document.root), agents], sort_keys=True)  # in Python itself 1 equals True


def _plain(name: str, value: Any) -> Any:
    """A value with the vendor's integers replaced by what they stand for."""
    if isinstance(value, dict):
        return {key: _plain(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain("", inner) for inner in value]
    row = BY_NAME.get(name)
    return canon(row, value) if row and row.kind in (Kind.FLAG, Kind.CHOICE) else value
