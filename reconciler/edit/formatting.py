"""A file in canonical spelling, its comments and groups kept. Every run checks that its meaning has not changed."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from reconciler.core.desired.problems import schema_problems
from reconciler.core.desired.read import parse_files
from reconciler.core.model.fields import BY_NAME, Kind, canon
from reconciler.core.model.message import text
from reconciler.core.model.problem import Problem
from reconciler.core.yaml.document import Document, parse
from reconciler.edit.abridged import abridged
from reconciler.edit.canonical import canonical
from reconciler.edit.comments import comments
from reconciler.edit.parts import Part, parts
from reconciler.edit.printer import print_tree
from reconciler.edit.tree import read_tree
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
    formatted = formatted_text(document).encode()
    if formatted == data:
        return data
    after, problems = parse(file, formatted)
    if after is None or problems or not _alike("", document.root, after.root) or not _same_comments(document, after):
        raise ReconcilerError(
            "not-the-same",
            text("{file} cannot be formatted without changing it", file=file),
            text("it is left as it is; please report it"),
        )
    return formatted


def formatted_text(document: Document) -> str:
    """A document without problems in canonical form, not yet compared with what it was."""
    short = abridged(document)
    tree = read_tree(short.text)
    canonical(tree)
    short.fill_in(tree)
    return print_tree(tree)


def _checked(file: str, data: bytes) -> Document:
    document, parser_problems = parse(file, data)
    if document is None:
        raise InvalidFiles(parse_files(((file, data),)).problems)
    reported = {problem.place for problem in parser_problems}  # a schema problem at such a place only follows from it
    others = (problem for problem in schema_problems(document) if problem.place not in reported)
    problems: list[Problem] = sorted((*parser_problems, *others), key=lambda problem: problem.place)
    if problems:
        raise InvalidFiles(tuple(problems))
    return document


def _alike(name: str, before: Any, after: Any) -> bool:
    """Whether two values say the same, one of the vendor's integers the same as what it stands for.

    Roots that do so resolve to the same agents. In Python itself 1 equals True.
    """
    if isinstance(before, dict):
        keys = isinstance(after, dict) and before.keys() == after.keys()
        return keys and all(_alike(key, value, after[key]) for key, value in before.items())
    if isinstance(before, list):
        size = isinstance(after, list) and len(before) == len(after)
        return size and all(_alike("", one, other) for one, other in zip(before, after, strict=True))
    if before.__class__ is after.__class__ and before == after:
        return True
    row = BY_NAME.get(name)
    if row is None or row.kind not in (Kind.FLAG, Kind.CHOICE):
        return False
    one, other = canon(row, before), canon(row, after)
    return one.__class__ is other.__class__ and one == other


def _same_comments(before: Document, after: Document) -> bool:
    """Whether both have the same comments. Parts that are equal to the letter need no comparison."""
    if b"#" not in before.data and b"#" not in after.data:
        return True
    texts = zip_longest(map(_text, parts(before)), map(_text, parts(after)), fillvalue="")
    changed = [pair for pair in texts if pair[0] != pair[1]]
    return comments("".join(one for one, _ in changed)) == comments("".join(other for _, other in changed))


def _text(part: Part) -> str:
    return part.text
