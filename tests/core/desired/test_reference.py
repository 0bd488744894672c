"""The reference page of the fields."""

from __future__ import annotations

import re

import pytest

from reconciler.core.desired.reference import field_help, fields_page, file_keys, key_help, value_help
from reconciler.core.model.fields import BY_NAME, FIELDS
from reconciler.core.yaml.spelling import COMPANY_ORDER, GUARDRAIL_ORDER, PASSWORD_ORDER, POOL_ORDER, TOP_ORDER


def cells() -> dict[str, list[str]]:
    """The page's table, by field."""
    lines = [line for line in fields_page().splitlines() if line.startswith("| `")]
    split = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]
    return {row[0].strip("`"): row[1:] for row in split}


def test_every_field_has_a_row_of_eight_cells() -> None:
    """The page lists the fields in the table's order, and each row is as wide as the head."""
    assert list(cells()) == [row.name for row in FIELDS]
    assert {len(row) for row in cells().values()} == {7}
    assert "|---|---|---|---|---|---|---|---|\n" in fields_page()
    assert fields_page().endswith(" |\n")


@pytest.mark.parametrize(
    ("name", "values", "sent", "new"),
    [
        ("operatorId", "text, not empty", "yes yes yes", ""),
        ("name", "text", "yes yes yes", "nothing"),
        ("operatorType", "`agent` (0), `leader` (1)", "yes yes yes", "`agent`"),
        ("status", "`disabled` (0), `enabled` (1)", "no yes yes", "`enabled`"),
        ("mainGroupName", "text", "no yes yes", "nothing"),
        ("sipNumber", "text or `null`", "no yes yes", ""),
        ("afterInterval", "0 or more, 1 or more in an edit", "yes yes yes", "`0`"),
        ("isrecord", "`true` (1), `false` (0)", "yes yes yes", "`true`"),
        ("isvideo", "`true` (1), `false` (0)", "yes no yes", "`false`"),
        ("roleName", "text, not empty", "yes yes no", "nothing"),
        ("bindSkillLevel", "0 or more", "yes no no", "`0`"),
        ("password", "`{env: NAME}`, `{file: PATH}` or `{generate: true}`, and `version`", "yes no no", ""),
    ],
)
def test_a_row_says_what_a_field_is(name: str, values: str, sent: str, new: str) -> None:
    """A row shows what may be written, where it is sent and listed, and what a new agent has."""
    row = cells()[name]
    assert row[0] == values
    assert " ".join(row[1:4]) == sent
    assert row[4] == new
    assert all(row[5:])


def test_words_of_sheets_stand_in_the_help() -> None:
    """A field's help has the words that sheets use for it and its values, and a value's help says what to write."""
    assert "also called   坐席类型、" in field_help(BY_NAME["operatorType"])
    assert "in words      普通座席 → agent, 班长 → leader\n" in field_help(BY_NAME["operatorType"])
    assert "是 → true, 否 → false" in field_help(BY_NAME["isrecord"])
    assert value_help(BY_NAME["isrecord"], value=True, word="是") == "是 is isrecord: true\n"


def test_every_key_of_a_file_is_explained() -> None:
    """In English and Chinese, with where it stands and an example."""
    keys = {*TOP_ORDER, *COMPANY_ORDER, *GUARDRAIL_ORDER, *PASSWORD_ORDER, *POOL_ORDER} - BY_NAME.keys()
    assert file_keys().keys() == keys | {"disable"}
    for key in file_keys():
        told = key_help(key)
        assert told.startswith(f"{key}\n    ")
        assert told.count("stands  ") == told.count("example  ") == len(file_keys()[key])
        assert re.search("[\u4e00-\u9fff]", told)
    assert "stands        in agents and pools\n" in key_help("profile")


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("operatorId", "another number is another agent"),
        ("password", "whenever version is raised"),
        ("email", "at creation only"),
        ("sipNumber", "by an edit after creation"),
        ("name", "at creation and later"),
    ],
)
def test_when_a_field_is_set(name: str, when: str) -> None:
    """The help of a field says by which calls its value reaches the vendor."""
    assert when in field_help(BY_NAME[name])
