"""The field table: what it derives, how it normalises, and what its self-check refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model.fields import (
    BY_NAME,
    COMPARED,
    FIELDS,
    KEY,
    LISTED,
    MAX_INTEGER,
    Field,
    Kind,
    Value,
    Wire,
    can_edit,
    canon,
    contradictions,
    encode,
    fits,
)
from tests.strategies import canonical_values

# Typed from the vendor's reference, sections 2.1.1, 2.1.2, 2.1.4 and 2.1.5.
MATRIX = {
    "operatorId": ("operatorId", "operatorId", "operatorId"),
    "name": ("name", "name", "name"),
    "operatorType": ("operatorType", "operatorType", "operatorType"),
    "status": (None, "status", "status"),
    "mainGroupName": (None, "mainGroupName", "mainGroupName"),
    "showcaller": ("showcaller", "showcaller", "showcaller"),
    "bindcode": ("bindcode", "bindcode", "bindcode"),
    "sipNumber": (None, "sipnumber", "sipNumber"),
    "afterInterval": ("afterInterval", "afterInterval", "afterInterval"),
    "isHidePhone": ("isHidePhone", "isHidePhone", "isHidePhone"),
    "isrecord": ("isrecord", "isrecord", "isrecord"),
    "outcallflag": ("outcallflag", "outcallflag", "outcallflag"),
    "ttscontent": ("ttscontent", "ttscontent", "ttscontent"),
    "email": ("email", None, "email"),
    "isaudio": ("isaudio", None, "isaudio"),
    "ismessage": ("ismessage", None, "ismessage"),
    "isvideo": ("isvideo", None, "isvideo"),
    "judge": ("judge", None, "judge"),
    "roleName": ("roleName", "roleName", None),
    "bindSkillName": ("bindSkillName", None, None),
    "bindSkillLevel": ("bindSkillLevel", None, None),
    "password": ("password", None, None),
}
DEFAULTS = {
    "operatorType": "agent",
    "status": "enabled",
    "sipNumber": None,
    "afterInterval": 0,
    "isHidePhone": False,
    "isrecord": True,
    "outcallflag": "allowed",
    "isaudio": True,
    "ismessage": True,
    "isvideo": False,
    "judge": True,
    "bindSkillLevel": 0,
    "password": None,
}
NORMALISED = [row for row in FIELDS if row.kind is not Kind.PASSWORD]
rows = st.sampled_from(NORMALISED)
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.integers().map(str),
    st.sampled_from(("agent", "leader", "disabled", "enabled", "allowed", "forbidden", "+1", "-0", "01", "１")),
    st.lists(st.integers()),
)


def test_the_table_is_the_references_matrix() -> None:
    """Each field is created, edited and listed under the reference's names, and where it says so."""
    assert {row.name: (row.wire.create, row.wire.edit, row.wire.listed) for row in FIELDS} == MATRIX


def test_the_defaults_are_the_references() -> None:
    """A field that is not sent at creation has the default that the reference names, and texts are empty."""
    assert {row.name: row.default for row in FIELDS if row.default != ""} == DEFAULTS


@pytest.mark.parametrize(
    ("derived", "names"),
    [
        ("create_only", "email isaudio ismessage isvideo judge bindSkillName bindSkillLevel password"),
        ("write_only", "roleName bindSkillName bindSkillLevel password"),
        ("deferred", "status mainGroupName sipNumber"),
    ],
)
def test_abilities_are_derived_from_the_wire_names(derived: str, names: str) -> None:
    """Create-only, write-only and deferred follow from where a wire name is missing."""
    assert {row.name for row in FIELDS if getattr(row, derived)} == set(names.split())


def test_a_key_and_a_password_are_not_compared() -> None:
    """A key identifies and a password is versioned: everything else is compared, and what is listed can be."""
    assert {row.name for row in FIELDS} - {row.name for row in COMPARED} == {KEY, "password"}
    assert {row.name for row in LISTED} == {name for name, wire in MATRIX.items() if wire[2]} - {KEY}


@pytest.mark.parametrize(
    ("name", "given_", "expected"),
    [
        ("name", None, ""),
        ("name", "张三", "张三"),
        ("name", " a\n", " a\n"),
        ("bindcode", 13800138000, "13800138000"),
        ("operatorId", 8001, "8001"),
        ("operatorId", "0071", "0071"),
        ("sipNumber", None, None),
        ("sipNumber", "", None),
        ("sipNumber", "60001", "60001"),
        ("sipNumber", 60001, "60001"),
        ("afterInterval", None, 0),
        ("afterInterval", "", 0),
        ("afterInterval", "10", 10),
        ("afterInterval", 10.0, 10),
        ("afterInterval", "-3", -3),
        ("afterInterval", True, 1),
        ("afterInterval", 1.5, "1.5"),
        ("afterInterval", float("nan"), "nan"),
        ("afterInterval", "10 s", "10 s"),
        ("afterInterval", "10\n", "10\n"),
        ("afterInterval", "１０", "１０"),
        ("afterInterval", "9" * 5000, "9" * 5000),
        ("isrecord", None, False),
        ("isrecord", 0, False),
        ("isrecord", 1, True),
        ("isrecord", "1", True),
        ("isrecord", True, True),
        ("isrecord", 2, 2),
        ("isrecord", "x", "x"),
        ("operatorType", None, "agent"),
        ("operatorType", 1, "leader"),
        ("operatorType", "1", "leader"),
        ("operatorType", "leader", "leader"),
        ("operatorType", 2, 2),
        ("operatorType", -1, -1),
        ("operatorType", "boss", "boss"),
        ("outcallflag", 3, "no-international"),
        ("status", 0, "disabled"),
    ],
)
def test_canon_ends_the_vendors_quirks(name: str, given_: object, expected: Value) -> None:
    """Nulls are empty, numbers in texts are numbers, names stand for integers; the unreadable stays different."""
    found = canon(BY_NAME[name], given_)
    assert (found, type(found)) == (expected, type(expected))


def test_a_password_has_no_canonical_value() -> None:
    """A password is never normalised, because it is never compared."""
    with pytest.raises(ValueError, match="no canonical value"):
        canon(BY_NAME["password"], "hunter2")


@given(rows, anything)
def test_canon_is_idempotent(row: Field, value: object) -> None:
    """What is canonical stays as it is."""
    once = canon(row, value)
    again = canon(row, once)
    assert (again, type(again)) == (once, type(once))


@given(rows, anything)
def test_encode_and_canon_are_a_round_trip(row: Field, value: object) -> None:
    """What is sent reads back as what was meant, and is never a boolean."""
    canonical = canon(row, value)
    sent = encode(row, canonical)
    back = canon(row, sent)
    assert not isinstance(sent, bool)
    assert (back, type(back)) == (canonical, type(canonical))


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("isrecord", True, 1),
        ("isrecord", False, 0),
        ("operatorType", "leader", 1),
        ("status", "disabled", 0),
        ("status", "enabled", 1),
        ("outcallflag", "forbidden", 2),
        ("name", "leader", "leader"),
        ("afterInterval", 7, 7),
        ("sipNumber", None, None),
    ],
)
def test_encode_sends_integers(name: str, value: Value, sent: str | int | None) -> None:
    """Flags and choices go over the wire as the reference's integers."""
    found = encode(BY_NAME[name], value)
    assert (found, type(found)) == (sent, type(sent))


@pytest.mark.parametrize(
    ("name", "value", "on_create", "on_edit"),
    [
        ("isrecord", True, True, True),
        ("isrecord", 1, False, False),
        ("isaudio", False, True, False),
        ("operatorType", "leader", True, True),
        ("operatorType", 2, False, False),
        ("afterInterval", 0, True, False),
        ("afterInterval", 1, True, True),
        ("afterInterval", MAX_INTEGER, True, True),
        ("afterInterval", MAX_INTEGER + 1, False, False),
        ("afterInterval", -1, False, False),
        ("afterInterval", "x", False, False),
        ("sipNumber", None, True, True),
        ("sipNumber", "60001", True, True),
        ("sipNumber", "", False, False),
        ("sipNumber", 60001, False, False),
        ("name", "", True, True),
        ("name", 5, False, False),
        ("email", "a@b", True, False),
        ("roleName", "", False, False),
        ("roleName", "r", True, True),
        ("bindSkillName", "s", True, False),
        ("operatorId", "", False, False),
    ],
)
def test_what_may_be_sent(name: str, value: Value, on_create: bool, on_edit: bool) -> None:
    """A value may be sent on create when it fits the row's rules, and on edit when it fits the narrower ones too."""
    assert fits(BY_NAME[name], value) is on_create
    assert can_edit(BY_NAME[name], value) is on_edit


@given(st.data(), st.sampled_from(COMPARED))
def test_every_value_that_a_file_may_ask_for_is_canonical_and_fits(data: st.DataObject, row: Field) -> None:
    """The strategies that stand on the table give canonical values that may be sent."""
    value = data.draw(canonical_values(row))
    assert canon(row, value) == value
    assert fits(row, value)


KEY_ROW = BY_NAME[KEY]
GOOD = Field("good", Kind.TEXT, Wire("good", "good", "good"), "Good.", "好。")


def test_a_sound_table_has_no_contradictions() -> None:
    """Neither the table itself nor a small one is complained of."""
    assert contradictions(FIELDS) == []
    assert contradictions([KEY_ROW, GOOD]) == []


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (replace(GOOD, doc=""), "good: has no meaning in words"),
        (replace(GOOD, zh=""), "good: has no meaning in words"),
        (replace(GOOD, wire=Wire()), "good: is not known to any endpoint"),
        (replace(GOOD, wire=Wire(listed="good")), "good: can be read but never set"),
        (replace(GOOD, choices=("a",)), "good: names choices but is no choice, or the reverse"),
        (replace(GOOD, kind=Kind.CHOICE), "good: names choices but is no choice, or the reverse"),
        (
            replace(GOOD, wire=Wire(create="good"), edit_rules={"minLength": 1}),
            "good: narrows an edit that does not exist",
        ),
        (replace(GOOD, kind=Kind.INTEGER, rules={"minimum": 0}), "good: an integer needs both bounds"),
        (replace(GOOD, kind=Kind.PASSWORD), "good: a password must never be listed"),
        (replace(GOOD, kind=Kind.FLAG, default=1), "good: its default does not fit it"),
        (replace(GOOD, kind=Kind.CHOICE, choices=("a", "b"), default="c"), "good: its default does not fit it"),
        (
            replace(GOOD, kind=Kind.INTEGER, rules={"minimum": 1, "maximum": 9}, default=0),
            "good: its default does not fit it",
        ),
    ],
)
def test_a_contradictory_row_is_named(row: Field, complaint: str) -> None:
    """Each way in which a row can contradict itself is found and put in words."""
    assert complaint in contradictions([KEY_ROW, row])


@pytest.mark.parametrize(
    ("table", "complaints"),
    [
        ([GOOD], ["operatorId: must be the one key"]),
        ([KEY_ROW, replace(GOOD, kind=Kind.KEY)], ["operatorId: must be the one key"]),
        (
            [KEY_ROW, GOOD, GOOD],
            [
                "good: stands twice",
                "good: is sent twice on create",
                "good: is sent twice on edit",
                "good: is sent twice on listed",
            ],
        ),
        ([KEY_ROW, GOOD, replace(GOOD, name="other", wire=Wire(edit="good"))], ["good: is sent twice on edit"]),
    ],
)
def test_contradictory_rows_are_named(table: list[Field], complaints: list[str]) -> None:
    """Two rows may not share a name or a wire name, and exactly one is the key."""
    assert contradictions(table) == complaints
