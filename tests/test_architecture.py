"""The rooms of the house are held apart: who may import whom is read from the source and checked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "reconciler"
MODULES = {
    ".".join(("reconciler", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}

IMPURE = frozenset(
    {"os", "sys", "time", "datetime", "random", "secrets", "logging", "pathlib", "socket", "ssl", "subprocess"}
    | {"threading", "tempfile", "asyncio", "click", "httpx", "rich", "aiohttp", "sqlite3", "warnings"}
)
BENDING = {"threading": {"reconciler.core.yaml.events"}, "sys": {"reconciler.core.planning.diff"}}
"""A lock around what PyYAML has one of in the whole process; what DeepDiff is not to import."""
ROOMS = (
    *(
        "about",
        "clock",
        "log",
        "core",
        "errors",
        "render",
        "files",
        "settings",
        "credentials",
        "vendor",
        "ledger",
        "edit",
        "apply",
    ),
    *("sandbox", "cli", "generate", "__main__"),
)
"""The house from the ground up; a room may import only what stands before it, and itself."""
WINGS = (
    *(
        "text",
        "model",
        "authorship",
        "in_doubt",
        "yaml",
        "desired",
        "wire",
        "planning",
        "recovery",
        "withdrawal",
        "report",
    ),
    *("history", "saved", "beside", "sheets", "export"),
)
"""The core likewise."""
MOST_AT_THE_TOP = 8
MOST_IN_THE_CORE = 10
LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, also inside functions and for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


EDGES = [(name, imported) for name, path in MODULES.items() for imported in sorted(set(imports(path)))]


def room(name: str) -> str:
    """The room a module stands in: `core`, `render`, `cli`, `sandbox`, or its own name; empty for the package."""
    return name.split(".")[1] if "." in name else ""


def wing(name: str) -> str:
    """The part of the core that a module stands in, or its own name."""
    return name.split(".")[2] if name.count(".") > 1 else ""


@pytest.mark.parametrize("banned", sorted(IMPURE))
def test_core_is_pure(banned: str) -> None:
    """No module of the core imports what reads a clock, the environment, files, sockets or prints."""
    importers = {name for name, imported in EDGES if room(name) == "core" and imported.split(".")[0] == banned}
    assert importers == BENDING.get(banned, set())


def test_render_is_pure() -> None:
    """Rendering needs nothing of the outside world either."""
    impure = [
        (name, imported) for name, imported in EDGES if room(name) == "render" and imported.split(".")[0] in IMPURE
    ]
    assert not impure


def test_rooms_look_only_down() -> None:
    """Every room has its place in the order, and imports only what stands below it."""
    assert {room(name) for name in MODULES} - {""} == set(ROOMS)
    for name, imported in EDGES:
        if room(name) and imported.startswith("reconciler.") and imported != "reconciler.__version__":
            assert ROOMS.index(room(imported)) <= ROOMS.index(room(name)), (name, imported)


def test_wings_of_the_core_look_only_down() -> None:
    """Inside the core too nothing imports upwards, and every wing has its place in the order."""
    assert {wing(name) for name in MODULES if room(name) == "core"} - {""} == set(WINGS)
    for name, imported in EDGES:
        if room(name) == "core" and imported.startswith("reconciler.core."):
            assert WINGS.index(wing(imported)) <= WINGS.index(wing(name)), (name, imported)


def test_no_modules_import_in_a_circle() -> None:
    """No module needs itself, by however many others, not even for its types."""
    graph = {
        name: {imported for importer, imported in EDGES if importer == name and imported in MODULES} for name in MODULES
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_few_doors_at_the_top() -> None:
    """The top of the house and of the core hold few modules: the folder names answer where something is."""
    assert len(list(ROOT.glob("*.py"))) <= MOST_AT_THE_TOP
    assert len(list((ROOT / "core").glob("*.py"))) <= MOST_IN_THE_CORE


def test_files_and_functions_are_short() -> None:
    """No file has over 400 lines, and no function over 60."""
    for path in MODULES.values():
        source = path.read_text(encoding="utf-8")
        assert len(source.splitlines()) <= LONGEST_FILE, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, (path, node.name)


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("httpx", {"reconciler.vendor.http"}),
        ("httpcore", {"reconciler.vendor.http"}),
        ("deepdiff", {"reconciler.core.planning.diff"}),
        (
            "jsonschema",
            {"reconciler.core.desired.schema", "reconciler.core.saved.plan_schema", "reconciler.core.desired.problems"},
        ),
        (
            "yaml",
            {
                "reconciler.core.yaml.events",
                "reconciler.core.yaml.nodes",
                "reconciler.core.yaml.document",
                "reconciler.edit.tree",
            },
        ),
        ("jinja2", {"reconciler.render.html"}),
        ("aiohttp", {"reconciler.sandbox.server"}),
        ("truststore", {"reconciler.vendor.trust"}),
        ("filelock", {"reconciler.ledger.lock"}),
        ("pyrage", {"reconciler.credentials.age"}),
        ("obstore", {"reconciler.ledger.bucket"}),
        ("apprise", {"reconciler.cli.notify"}),
    ],
)
def test_a_library_has_one_home(library: str, home: set[str]) -> None:
    """Each library is imported in one place, so that it can be changed there."""
    ours = ((name, imported) for name, imported in EDGES if room(name) != "sandbox" or library == "aiohttp")
    assert {name for name, imported in ours if imported.split(".")[0] == library} == home


def test_threads_are_started_where_there_is_room() -> None:
    """A pool that starts its threads one by one may wait for ever for one that found no memory."""
    starts = {name for name, imported in EDGES if imported == "concurrent.futures.ThreadPoolExecutor"}
    assert starts == {"reconciler.files.threads"}


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
