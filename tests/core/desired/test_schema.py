"""The schema: derived from the table, sound by its own standard, and read more strictly than the library does."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.core.desired.schema import SCHEMA_ID, agents_schema, field_schema, strict_validator
from reconciler.core.model.fields import COMPARED, FIELDS, KEY, Field, Kind, Value, encode
from tests.strategies import canonical_values

ROOT: Final[dict[str, Any]] = {"version": 1, "company": {"abbreviate": "acme"}}
PASSWORD: dict[str, Any] = {"env": "AGENT_PASSWORD", "version": 1}


def accepts(**keys: Any) -> bool:
    """Whether a file with these keys at its root is accepted."""
    return strict_validator().is_valid({**ROOT, **keys})


def accepts_agent(**fields: Any) -> bool:
    """Whether an agent with these values is accepted."""
    return accepts(agents=[{"operatorId": "8001", **fields}])


def test_the_schema_is_a_sound_draft_2020_12() -> None:
    """The schema satisfies the draft that it names, says which it is, and refers to nothing outside itself."""
    schema = agents_schema()
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"]) == ("https://json-schema.org/draft/2020-12/schema", SCHEMA_ID)
    references = {text for text in repr(schema).split("'") if text.startswith("#/")}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_every_field_stands_where_it_may() -> None:
    """The key belongs to agents alone, as does `profile`; every other field also to defaults and profiles."""
    schema = agents_schema()
    names = {row.name for row in FIELDS} - {KEY}
    assert set(schema["$defs"]["agent"]["properties"]) == names | {KEY, "profile"}
    assert set(schema["$defs"]["profile"]["properties"]) == names
    assert set(schema["properties"]["defaults"]["properties"]) == names


def test_every_field_is_described_in_both_languages() -> None:
    """What an editor shows of a field is the table's English and Chinese."""
    for row in FIELDS:
        assert field_schema(row)["description"] == f"{row.doc} {row.zh}"


def test_every_object_names_its_keys() -> None:
    """No mapping but that of the profiles' names takes keys that are not known."""

    def open_objects(schema: Any, at: str) -> list[str]:
        found = []
        for name, child in schema.items() if isinstance(schema, dict) else ():
            found += open_objects(child, f"{at}/{name}")
        if isinstance(schema, dict) and schema.get("type") == "object" and schema["additionalProperties"] is not False:
            found.append(at)
        return found

    assert open_objects(agents_schema(), "") == ["/properties/profiles"]


@given(st.data(), st.sampled_from(COMPARED))
def test_every_canonical_value_is_accepted_and_so_is_the_vendors(data: st.DataObject, row: Field) -> None:
    """A field may be written in canonical spelling, or as the vendor's integer for it."""
    value: Value = data.draw(canonical_values(row))
    assert accepts_agent(**{row.name: value})
    assert accepts_agent(**{row.name: encode(row, value)})
    assert Draft202012Validator(agents_schema()).is_valid({**ROOT, "agents": [{"operatorId": "8001", row.name: value}]})


@pytest.mark.parametrize("row", [row for row in FIELDS if row.kind is not Kind.PASSWORD], ids=lambda row: row.name)
def test_no_value_of_another_kind_is_accepted(row: Field) -> None:
    """Fractions, lists and mappings are no field's value; null is a SIP number's alone, text no flag's or number's."""
    others: tuple[object, ...] = (1.0, 0.0, 2.5, [], {}, ["a"])
    assert not any(accepts_agent(**{row.name: value}) for value in others)
    assert accepts_agent(**{row.name: None}) is (row.kind is Kind.SIP_NUMBER)
    assert accepts_agent(**{row.name: "7"}) is (row.kind in (Kind.TEXT, Kind.KEY, Kind.SIP_NUMBER))
    assert accepts_agent(**{row.name: True}) is (row.kind is Kind.FLAG)


@pytest.mark.parametrize(
    ("keys", "accepted"),
    [
        ({"version": 1}, True),
        ({"version": 1.0}, False),
        ({"version": True}, False),
        ({"version": 2}, False),
        ({"company": {"abbreviate": "acme", "companyId": 0}}, True),
        ({"company": {"abbreviate": "acme", "companyId": 1.0}}, False),
        ({"company": {"abbreviate": "acme", "companyId": True}}, False),
        ({"prune": False}, True),
        ({"prune": 0}, False),
        ({"protect": []}, True),
        ({"protect": ["8*", "adm?n"]}, True),
        ({"scope": {"operatorId": ["8*"]}}, True),
        ({"scope": {"operatorId": []}}, False),
        ({"agents": []}, True),
        ({"profiles": {"": {}}}, True),
        ({"endpoint": "https://example.com"}, False),
        ({"token": "x"}, False),
    ],
)
def test_the_root(keys: dict[str, object], accepted: bool) -> None:
    """What may stand at the root of a file; 1.0 and true are no integers, and nothing steers the tool."""
    assert accepts(**keys) is accepted


@pytest.mark.parametrize(
    ("limit", "accepted"),
    [
        *((limit, True) for limit in (0, 500, "0%", "20%", "100%", "99.5%", "007%", "100.00%", "0100%")),
        *((limit, False) for limit in (-1, 1.0, 20.5, True, None, "", "20", "%", ".5%", "5.%", "20 %", "-1%")),
        *((limit, False) for limit in ("101%", "120%", "100.1%", "1000%")),
        *((limit, False) for limit in ("20%\n", "20%%", "a20%", "２０%", "1e2%", "20.٥%")),
        *((limit, False) for limit in ("101%", "100.1%", "120%", "1000%", "0999%")),
    ],
)
def test_limits(limit: object, accepted: bool) -> None:
    """A limit is a count or a percentage in ASCII digits, of no more than all, with nothing after it."""
    assert accepts(guardrails={"maxDeletes": limit}) is accepted
    assert accepts(guardrails={"maxChanges": limit}) is accepted
    assert accepts(guardrails={"maxPasswords": limit}) is accepted


@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        (PASSWORD, True),
        ({"file": "secrets/8001", "version": 7}, True),
        ({"generate": True, "version": 2**53 - 1}, True),
        ({"env": "_a1", "version": 1}, True),
        ({"env": "MY_RECONCILER_", "version": 1}, True),
        ("hunter2", False),
        ({"version": 1}, False),
        ({"env": "A"}, False),
        ({"env": "A", "file": "b", "version": 1}, False),
        ({"env": "A", "file": "b", "generate": True, "version": 1}, False),
        ({"env": "1A", "version": 1}, False),
        ({"env": "", "version": 1}, False),
        ({"env": "A B", "version": 1}, False),
        ({"env": "A\n", "version": 1}, False),
        ({"env": "Ａ", "version": 1}, False),
        ({"env": "RECONCILER_TOKEN", "version": 1}, False),
        ({"env": "reconciler_x", "version": 1}, False),
        ({"env": "ReConciler_", "version": 1}, False),
        ({"file": "", "version": 1}, False),
        ({"generate": False, "version": 1}, False),
        ({"generate": 1, "version": 1}, False),
        ({"generate": True, "version": 0}, False),
        ({"generate": True, "version": 1.0}, False),
        ({"generate": True, "version": True}, False),
        ({"generate": True, "version": 2**53}, False),
        ({"generate": True, "version": 1, "length": 20}, False),
    ],
)
def test_password_sources(password: object, accepted: bool) -> None:
    """Exactly one source, which is none of the tool's own variables, and a version from 1."""
    assert accepts_agent(password=password) is accepted
    assert accepts(defaults={"password": password}) is accepted


AGE = "age1" + "q" * 58


@pytest.mark.parametrize(
    ("recipients", "accepted"),
    [
        ([AGE], True),
        ([AGE, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", "ssh-rsa AAAAB3Nza+/== somebody@example.com"], True),
        ([], False),
        (AGE, False),
        ([AGE + "\n"], False),
        ([AGE[:-1]], False),
        ([AGE.upper()], False),
        (["age1" + "b" * 58], False),
        (["AGE-SECRET-KEY-1" + "Q" * 58], False),
        (["ssh-dss AAAA"], False),
        (["ssh-rsa AAAA a\nb"], False),
        ([" " + AGE], False),
    ],
)
def test_recipients(recipients: object, accepted: bool) -> None:
    """Who can read the credentials is named by public keys of age or ssh, and by nothing else."""
    assert accepts(recipients=recipients) is accepted


def test_a_pattern_says_nothing_about_other_types() -> None:
    """A pattern constrains text alone: a count beside a percentage is not matched against it."""
    assert [
        error.validator for error in strict_validator().iter_errors({**ROOT, "guardrails": {"maxDeletes": 5}})
    ] == []
    errors = strict_validator().iter_errors({**ROOT, "guardrails": {"maxDeletes": "x"}})
    assert [(error.validator, error.message) for error in errors] == [("pattern", "does not match")]
