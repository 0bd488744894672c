"""The rooms of the house are held apart: who may import whom is read from the source and checked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "reconciler"
MODULES = {
    ".".join(("reconciler", *path.relative_to(ROOT).with_suffix("").parts)): path for path in sorted(ROOT.rglob("*.py"))
}

IMPURE = frozenset(
    {"os", "sys", "time", "datetime", "random", "secrets", "logging", "pathlib", "socket", "ssl", "subprocess"}
    | {"threading", "tempfile", "asyncio", "click", "httpx", "rich", "aiohttp", "sqlite3", "warnings"}
)
ORDER = (
    *("fields", "endpoints", "model", "state", "actions", "outcomes", "packed"),
    *("scalars", "events", "nodes", "document", "gate", "schema", "words", "reference", "resolve", "desired"),
    *("wire", "diff", "batches", "calls", "guard", "plan", "recovery", "report"),
    *("saved", "plan_schema", "sound", "review", "origin"),
    *("beside", "spelling", "factor", "export", "table", "cells", "sheet", "pipeline"),
)
"""The core from the ground up; a module may import only what stands before it."""


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


EDGES = [(name, imported) for name, path in MODULES.items() for imported in sorted(set(imports(path)))]


def room(name: str) -> str:
    """The room a module stands in: `core`, `render`, `cli`, `sandbox`, or its own name."""
    return name.split(".")[1] if "." in name else name


@pytest.mark.parametrize("banned", sorted(IMPURE))
def test_core_is_pure(banned: str) -> None:
    """No module of the core imports what reads a clock, the environment, files, sockets or prints."""
    found = {name for name, imported in EDGES if room(name) == "core" and imported.split(".")[0] == banned}
    # A lock around what PyYAML has one of in the whole process.
    assert found == ({"reconciler.core.events"} if banned == "threading" else set())


def test_render_is_pure() -> None:
    """Rendering needs nothing of the outside world either, but for the width of characters."""
    allowed = {"rich.cells"}
    impure = [
        (name, imported)
        for name, imported in EDGES
        if room(name) == "render" and imported.split(".")[0] in IMPURE and not imported.startswith(tuple(allowed))
    ]
    assert not impure


def test_core_and_render_look_only_down() -> None:
    """The core knows only itself; render knows the core and itself."""
    for name, imported in EDGES:
        if not imported.startswith("reconciler"):
            continue
        if room(name) == "core":
            assert room(imported) == "core", (name, imported)
        if room(name) == "render":
            assert room(imported) in ("core", "render"), (name, imported)


def test_core_modules_stand_in_order() -> None:
    """Inside the core too nothing imports upwards, and every module has its place in the order."""
    core = {name.split(".")[2] for name in MODULES if room(name) == "core" and len(name.split(".")) > 2}
    assert core - {"__init__"} == set(ORDER)
    for name, imported in EDGES:
        if room(name) == "core" and imported.startswith("reconciler.core."):
            upper, lower = name.split(".")[2], imported.split(".")[2]
            assert ORDER.index(lower) < ORDER.index(upper), (name, imported)


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("httpx", {"reconciler.client"}),
        ("deepdiff", {"reconciler.core.diff"}),
        ("jsonschema", {"reconciler.core.schema", "reconciler.core.plan_schema", "reconciler.core.words"}),
        (
            "yaml",
            {"reconciler.core.events", "reconciler.core.nodes", "reconciler.core.document", "reconciler.edit.tree"},
        ),
        ("jinja2", {"reconciler.render.html"}),
        ("aiohttp", {"reconciler.sandbox.server"}),
        ("filelock", {"reconciler.local"}),
        ("pyrage", {"reconciler.sealed"}),
        ("obstore", {"reconciler.remote"}),
    ],
)
def test_a_library_has_one_home(library: str, home: set[str]) -> None:
    """Each library is imported in one place, so that it can be changed there."""
    ours = ((name, imported) for name, imported in EDGES if room(name) != "sandbox" or library == "aiohttp")
    assert {name for name, imported in ours if imported.split(".")[0] == library} == home


def test_only_the_command_line_prints_and_exits() -> None:
    """The command line library lives in `cli/`, and nothing below it knows the command line."""
    assert {room(name) for name, imported in EDGES if imported.split(".")[0] == "click"} == {"cli", "generate"}
    assert {room(name) for name, imported in EDGES if f"{imported}.".startswith("reconciler.cli.")} <= {
        "cli",
        "generate",
        "__main__",
    }


def test_the_sandbox_stands_alone() -> None:
    """The stand-in vendor shares no code with what it checks; only its own command starts it."""
    for name, imported in EDGES:
        if room(name) == "sandbox" and imported.startswith("reconciler"):
            assert room(imported) == "sandbox", (name, imported)
        if imported.startswith("reconciler.sandbox") and room(name) != "sandbox":
            assert name == "reconciler.cli.sandbox", (name, imported)


def test_plan_never_builds_a_writer() -> None:
    """`reconciler plan` cannot change anything: it never imports what writes."""
    wired = set(imports(MODULES["reconciler.cli.plan"])) | set(imports(MODULES["reconciler.cli.inputs"]))
    assert not {name for name in wired if name.endswith((".Writer", ".executor", ".execute"))}
