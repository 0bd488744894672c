"""What an editor offers in `agents.yaml`: the real language server, told by the first line where the schema is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.fields import BY_NAME, FIELDS

from .client import Editor, editor, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "it is there")

HEAD = "# yaml-language-server: $schema=schemas/agents.schema.json\nversion: 1\ncompany: {abbreviate: acme}\n"
SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture(scope="module")
def ide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor on a folder that has the schema beside the files."""
    folder = tmp_path_factory.mktemp("ide")
    shutil.copytree(SCHEMAS, folder / "schemas")
    with editor(folder) as one:
        yield one


def offered(ide: Editor, name: str, text: str) -> dict[str, Any]:
    """What completion offers at the end of a text, by label."""
    uri = ide.open(name, text)
    lines = text.split("\n")
    found = ide.ask("textDocument/completion", uri, len(lines) - 1, len(lines[-1]))
    return {item["label"]: item for item in found["items"]}


def hovered(ide: Editor, name: str, text: str, word: str) -> str:
    """What is shown over the first place of a word."""
    uri = ide.open(name, text)
    line = next(number for number, written in enumerate(text.split("\n")) if word in written)
    found = ide.ask("textDocument/hover", uri, line, text.split("\n")[line].index(word) + 1)
    shown: str = found["contents"]["value"]
    return shown


def test_completion_inside_an_agent_offers_the_fields(ide: Editor) -> None:
    """Every field that is not there yet, with its description in English and Chinese."""
    items = offered(ide, "agent.yaml", HEAD + 'agents:\n  - operatorId: "8001"\n    ')
    assert {row.name for row in FIELDS if row.name != "operatorId"} | {"profile"} <= set(items)
    told = str(items["afterInterval"].get("documentation"))
    assert BY_NAME["afterInterval"].doc in told
    assert BY_NAME["afterInterval"].zh in told


def test_completion_inside_a_pool_offers_its_bounds(ide: Editor) -> None:
    """A pool is offered what a pool takes."""
    items = offered(ide, "pool.yaml", HEAD + 'pools:\n  - from: "8001"\n    ')
    assert {"to", "except", "profile", "name"} <= set(items)
    assert "operatorId" not in items


def test_completion_of_a_value_offers_the_names(ide: Editor) -> None:
    """The names of a choice, which are the canonical spelling."""
    items = offered(ide, "value.yaml", HEAD + 'agents:\n  - operatorId: "8001"\n    outcallflag: ')
    assert set(BY_NAME["outcallflag"].choices) <= set(items)


@pytest.mark.parametrize("name", ["name", "status", "isrecord", "outcallflag", "sipNumber", "roleName"])
def test_hover_shows_the_text(ide: Editor, name: str) -> None:
    """What a field is, in English and in Chinese, over its name."""
    shown = hovered(ide, f"{name}.yaml", HEAD + f'agents:\n  - operatorId: "8001"\n    {name}: x\n', f"{name}:")
    plain = shown.replace("\\", "")
    assert BY_NAME[name].zh in plain
    assert BY_NAME[name].doc.split("`")[0] in plain


@pytest.mark.parametrize(
    ("name", "line", "at"),
    [
        ("an integer", '  - {operatorId: "8001", afterInterval: soon}', "soon"),
        ("a choice", '  - {operatorId: "8001", outcallflag: nowhere}', "nowhere"),
        ("an id that is a number", "  - {operatorId: 8001}", "8001"),
        ("an unknown key", '  - {operatorId: "8001", isRecord: true}', "isRecord"),
        ("no id", "  - {name: n}", "{name"),
    ],
)
def test_a_wrong_value_is_flagged(ide: Editor, name: str, line: str, at: str) -> None:
    """Where it stands, and nothing else is."""
    found = ide.problems(ide.open(f"wrong, {name}.yaml", f'{HEAD}agents:\n  - {{operatorId: "8000"}}\n{line}\n'))
    starts = [problem["range"]["start"] for problem in found]
    assert {(start["line"], start["character"]) for start in starts} == {(5, line.index(at))}


def test_a_good_file_has_no_problem(ide: Editor) -> None:
    """The example that comes with the project is shown without any."""
    text = (SCHEMAS.parent / "examples/agents.yaml").read_text(encoding="utf-8")
    assert ide.problems(ide.open("examples.yaml", text.replace("../schemas/", "schemas/"))) == []
