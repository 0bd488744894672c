"""The words of sheets and people for fields and values: one table, and no word in it with two meanings."""

from __future__ import annotations

from typing import Final

import pytest

from reconciler.core.desired.shapes import example
from reconciler.core.model import words
from reconciler.core.model.fields import BY_NAME, FIELDS, Kind, fits
from reconciler.core.model.words import (
    ZH_HEADINGS,
    ZH_VALUES,
    also_called,
    field_for_word,
    fields_with_value,
    key_for_word,
    truth_for_word,
    value_for_word,
    yes_and_no,
)
from reconciler.core.yaml.meant import KNOWN_KEYS

CHOICES: Final = [row for row in FIELDS if row.kind in (Kind.FLAG, Kind.CHOICE)]


@pytest.mark.parametrize("row", CHOICES, ids=lambda row: row.name)
def test_each_value_has_one_chinese_word(row: object) -> None:
    """The Chinese word of a value means that value, and no other value of its field has it."""
    field = BY_NAME[row.name]  # type: ignore[attr-defined]
    assert set(ZH_VALUES[field.name]) == set(field.choices or (True, False))
    for value, word in ZH_VALUES[field.name].items():
        assert value_for_word(field, word) == value
        assert (field, value) in list(fields_with_value(word))


def test_no_heading_has_two_meanings() -> None:
    """Each word is one field's alone; fields are called by their names, whatever the case."""
    seen: dict[str, str] = {}
    for name, called in words._HEADINGS.items():
        for word in (ZH_HEADINGS.get(name, name), *called.split()):
            folded = words.fold_heading(word)
            assert seen.setdefault(folded, name) == name
            assert field_for_word(word) == name
    assert all(field_for_word(row.name.upper()) == row.name for row in FIELDS if row.kind is not Kind.PASSWORD)


def test_keys_of_a_file_have_words() -> None:
    """A word for a key stands for a key that there is; one of a field stands for the field first."""
    assert {key_for_word(key) for key in words._FILE_KEYS} == set(words._FILE_KEYS) <= KNOWN_KEYS
    assert (key_for_word("坐席"), key_for_word("手机"), key_for_word("天气")) == ("agents", "bindcode", None)


def test_yes_and_no() -> None:
    """Yes and no mean a value below a heading that names one, and the other value fits too."""
    for heading, (name, *values) in words._YES_NO_HEADINGS.items():
        assert field_for_word(heading) == name
        assert yes_and_no(heading) == tuple(values)
        assert all(fits(BY_NAME[name], value) for value in values)
    assert yes_and_no("姓名") is None
    assert (truth_for_word("是"), truth_for_word(" ＹＥＳ "), truth_for_word("否"), truth_for_word("班长")) == (
        *(True, True, False, None),
    )


def test_the_first_words_of_a_field() -> None:
    """A field's Chinese words, a few; a field without any has none."""
    assert also_called(BY_NAME["bindcode"], 2) == ("绑定电话", "手机")
    assert also_called(BY_NAME["password"]) == ()


def test_what_has_no_example() -> None:
    """The file itself, a text and what lies too deep have no example."""
    assert example(()) == example(("agents", 0, "name")) == example(("profiles", "a", "name")) == ""
    assert example(("agents", 0)).startswith("agents:")
