"""The gate and the strict validator say the same, of good values and of bad ones."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema.protocols import Validator

from reconciler.core.desired.gate import compile_gate
from reconciler.core.desired.problems import schema_problems
from reconciler.core.desired.schema import (
    agents_schema,
    document_gate,
    field_schema,
    item_gate,
    strict_validator,
    strict_validator_for,
)
from reconciler.core.model.fields import BY_NAME, FIELDS, KEY
from reconciler.core.saved.plan_schema import plan_gate
from tests.core.build import HEAD, document
from tests.strategies import canonical_values

DEFINITIONS: Final = agents_schema()["$defs"]
PASSWORDS: Final = (
    {"env": "AGENT_PASSWORD", "version": 1},
    {"file": "secrets/8001", "version": 7},
    {"generate": True, "version": 2},
    {"generate": 1, "version": 2},
    {"generate": True, "version": True},
    {"env": "RECONCILER_TOKEN", "version": 1},
    {"env": "A\n", "version": 1},
    {"env": "A", "file": "b", "version": 1},
    {"env": "A"},
    {"version": 1},
    {"env": "A", "version": 1, "length": 9},
)
ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, 2, 3, 4, -1, 1.0, 0.0, 0.5, float("inf"), 2**31 - 1, 2**31, 2**53 - 1, 2**53),
    *("139", "１３９", "1.39E+10", "2024-01-02", "100.0", "8-Jan", "x" * 65, "x" * 2001),
    *("", "1", "0", "true", "agent", "leader", "enabled", "allowed", "x\n", "20%", "20%\n", "20", "８%"),
    *([], ["8*"], [""], [1], {}, {"operatorId": ["8*"]}, {"operatorId": []}, {"maxDeletes": 5}, {"maxDeletes": 1.0}),
    *PASSWORDS,
)
"""Values as files have them, right in some places and wrong in the others; what Python takes for equal among them."""


@cache
def validator(name: str) -> Validator:
    """The strict validator of one field."""
    return strict_validator_for({**field_schema(BY_NAME[name]), "$defs": DEFINITIONS})


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_field(name: str) -> None:
    """Of every field's odd values gate and validator say the same."""
    passes = compile_gate(field_schema(BY_NAME[name]), DEFINITIONS)
    assert {repr(value): passes(value) for value in ODD} == {
        repr(value): validator(name).is_valid(value) for value in ODD
    }


_odd = st.sampled_from(ODD)
_values = {row.name: st.one_of(canonical_values(row), _odd) for row in FIELDS if row.compared}
_fields: dict[str, Any] = {**_values, "password": st.sampled_from(PASSWORDS), "profile": st.just("leader")}
_sometimes_more = st.dictionaries(st.sampled_from(("nmae", KEY, "from", "profile")), _odd, max_size=1)


def _mappings(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    kept = st.fixed_dictionaries(required, optional=optional)
    return st.one_of(kept, st.builds(lambda one, more: {**one, **more}, kept, _sometimes_more), _odd)


_agents = _mappings({KEY: st.sampled_from(("8001", "", 8001))}, _fields)
_pools = _mappings({"from": st.just("8001"), "to": st.just("8002")}, {"except": st.just(["8001"]), **_fields})
_sets = _mappings({}, _fields)
_roots = st.fixed_dictionaries(
    {"version": st.sampled_from((1, 1, 1, True, 1.0, 2))},
    optional={
        "company": st.one_of(st.just({"abbreviate": "acme", "companyId": 4242}), _odd),
        "agents": st.one_of(st.lists(_agents, max_size=3), _odd),
        "pools": st.one_of(st.lists(_pools, max_size=2), _odd),
        "profiles": st.one_of(st.dictionaries(st.just("leader"), _sets, max_size=1), _odd),
        "recipients": st.one_of(st.just(["ssh-ed25519 AAAA"]), st.just(["ssh-dss AAAA"]), _odd),
        "onRemove": st.one_of(
            st.sampled_from(["delete", "disable", "no", {"disable": "30d"}, {"disable": "0d"}, {}]), _odd
        ),
        **dict.fromkeys(("scope", "prune", "protect", "guardrails", "defaults", "nope"), _odd),
    },
)


@given(_roots)
@example({"version": 1, "agents": [{KEY: "8001", "isrecord": 1.0}]})
@example({"version": True})
def test_whole_documents(root: dict[str, Any]) -> None:
    """Of any document gate and validator say the same."""
    assert document_gate()(root) is strict_validator().is_valid(root)


@given(st.lists(_agents, max_size=3), st.lists(_pools, max_size=3))
def test_one_by_one(agents: list[Any], pools: list[Any]) -> None:
    """A list is accepted when each of it is."""
    one, other = item_gate("agents"), item_gate("pools")
    whole = document_gate()({"version": 1, "agents": agents, "pools": pools})
    assert whole is (all(map(one, agents)) and all(map(other, pools)))


def test_no_new_keyword_passes_unnoticed() -> None:
    """A schema that says more than the gate knows has no gate."""
    with pytest.raises(KeyError):
        compile_gate({"type": "array", "uniqueItems": True}, {})
    with pytest.raises(KeyError):
        compile_gate({"not": {"type": "string"}}, {})


def test_a_schema_that_says_nothing() -> None:
    """Words for people refuse no value."""
    assert compile_gate({"description": "anything"}, {})([object()])


def test_only_what_is_refused_is_judged_and_keeps_its_place() -> None:
    """A bad agent among good ones is named by its own number and place; so is a bad pool."""
    good, bad = '  - {operatorId: "8%03d"}\n', '  - {operatorId: "8%03d", isrecord: maybe}\n'
    text = HEAD + "agents:\n" + "".join((bad if number in (3, 7) else good) % number for number in range(9))
    text += 'pools:\n  - {from: "1", to: "2"}\n  - {from: "3", to: "4", nmae: x}\n'
    found = [(problem.place.line, problem.path) for problem in schema_problems(document(text))]
    assert found == [
        (7, "agents[3] (8003).isrecord"),
        (11, "agents[7] (8007).isrecord"),
        (15, "pools[1] (3…4).nmae"),
    ]


@pytest.mark.parametrize("beside", [{}, {"maxLength": 5}, {"type": "string", "maxLength": 5}, {"pattern": "^x"}])
@pytest.mark.parametrize(
    "behind", [{"minLength": 3}, {"type": "string"}, {"pattern": "y$", "maxLength": 4}, {"not": {"pattern": "z"}}]
)
def test_what_a_reference_names_holds_beside_other_rules(beside: dict[str, Any], behind: dict[str, Any]) -> None:
    """Whether both say something of the same or not, both hold."""
    schema = {**beside, "$ref": "#/$defs/it"}
    passes = compile_gate(schema, {"it": behind})
    strict = strict_validator_for({**schema, "$defs": {"it": behind}})
    texts = [a + b for a in ("", "x", "xx", "xxxx", "z") for b in ("", "y", "yy")]
    values = [text for text in texts if "not" not in behind or text]
    assert {text: passes(text) for text in values} == {text: strict.is_valid(text) for text in values}


def test_a_choice_between_schemas() -> None:
    """A mapping is accepted of which one is true, and nothing else is."""
    either = compile_gate({"oneOf": [{"properties": {name: {"const": 1}}, "required": [name]} for name in "ab"]}, {})
    assert [either(value) for value in ({"a": 1}, {"b": 1}, {"a": 2}, {}, "a", None)] == [True, True, *[False] * 4]


def test_the_gate_of_plans_is_compiled() -> None:
    """It is made once, and accepts no document that is none."""
    plan_gate.cache_clear()
    assert not plan_gate()({})
