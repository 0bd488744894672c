"""The source of the package as syntax trees, and the files of the suite that have problems."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = sorted((ROOT / "reconciler").rglob("*.py"))
MISTYPED: Final = sorted([*(ROOT / "tests/slips").glob("*.yaml"), *(ROOT / "tests/core/desired/bad").glob("*.yaml")])
"""Slips and other bad files: each has a problem at least."""


@cache
def tree_of(source: Path) -> ast.Module:
    """A source file as a tree."""
    return ast.parse(source.read_text(encoding="utf-8"))


def calls_of(tree: ast.AST, name: str) -> Sequence[ast.Call]:
    """The calls of a function or a class by its bare name."""
    return _calls(tree).get(name, ())


@cache
def _calls(tree: ast.AST) -> Mapping[str, Sequence[ast.Call]]:
    calls: dict[str, list[ast.Call]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.setdefault(node.func.id, []).append(node)
    return calls
