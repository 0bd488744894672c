"""Plans as plain values: to JSON and back, the schema, and the digest that a reviewer's approval is bound to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.desired.schema import strict_validator
from reconciler.core.model.desired import DELETE, Company, DesiredState, Limit, PasswordSource, Policy, Removal
from reconciler.core.model.diff import FieldChange
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Action, Guardrail, Note, Plan
from reconciler.core.model.problem import Place
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.core.planning.origin import with_origins
from reconciler.core.planning.policy_changes import policy_changes
from reconciler.core.saved.plan_json import digest, plan_document, read_plan
from reconciler.core.saved.plan_schema import MAX_EXPIRES_IN, is_plan, plan_gate, plan_schema, plan_validator
from reconciler.core.text import json_text
from reconciler.core.wire import live_agent as listed
from tests.core.build import REPLACING, agent, desired, env, live, live_agent, planned, state
from tests.fuzz import examples
from tests.render.golden_cases import CASES, plan_of
from tests.strategies import IDS, desired_states, ledgers, live_states, policies, texts

TOOL, CREATED = "0.1.0", "2026-11-22T10:00:00Z"
law = settings(
    deadline=None, max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def written(plan: Plan, tool: str = TOOL, created_at: str = CREATED) -> dict[str, Any]:
    """The plan's document, as it comes back from disk."""
    read: dict[str, Any] = json.loads(json_text(plan_document(plan, tool, created_at)))
    return read


def as_in_a_file(wanted: DesiredState) -> DesiredState:
    """The same state; a password that is generated comes from nowhere that has a name."""
    agents = [
        replace(a, password=replace(a.password, name="")) if a.password and a.password.kind == "generate" else a
        for a in wanted.agents
    ]
    return replace(wanted, agents=tuple(agents))


set_in = st.dictionaries(st.sampled_from(["prune", "protect", "scope"]), texts)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans of anything for anything, with and without origins."""
    wanted = as_in_a_file(draw(desired_states()))
    wanted = replace(wanted, files=(draw(texts),), recipients=tuple(draw(st.lists(texts, max_size=2))))
    listing = replace(draw(live_states()), endpoint=draw(texts))
    wanted = replace(wanted, on_remove=draw(st.sampled_from([DELETE, Removal(disable=True), Removal(True, "30d")])))
    ledger, policy = draw(ledgers()), draw(policies())
    dated = draw(st.sets(st.sampled_from(IDS)))
    ledger |= {id_: replace(ledger.get(id_, LedgerEntry()), missing_since=CREATED) for id_ in dated}
    policy = replace(policy, expires_in=draw(st.integers(0, MAX_EXPIRES_IN)))
    plan = make_plan(wanted, listing, ledger, policy, due=draw(st.sets(st.sampled_from(IDS))))
    if draw(st.booleans()):
        return plan
    before = draw(desired_states())
    plan = replace(plan, policy_changes=policy_changes(before, replace(wanted, set_in=draw(set_in)), plan.in_scope))
    return with_origins(plan, make_plan(before, listing, ledger, policy))


# To JSON and back


@law
@given(plans())
def test_a_plan_comes_back_as_it_was(plan: Plan) -> None:
    """What was written is read as the very same plan, its calls included, which are not even written."""
    assert read_plan(written(plan)) == plan


@law
@given(plans(), st.booleans())
def test_every_plan_fits_the_schema(plan: Plan, saved: bool) -> None:
    """Any plan's document is what `schemas/plan.schema.json` describes, saved or only shown; the gate accepts it."""
    document = {**written(plan), **({"seal": "0" * 64} if saved else {})}
    assert [error.message for error in plan_validator().iter_errors(document)] == []
    assert plan_gate()(document)


def documents() -> Iterator[Any]:
    """Every plan of the golden cases, as made now and as committed."""
    for case in CASES:
        yield pytest.param(written(plan_of(case)), id=f"{case}-now")
    for path in sorted(Path(__file__).parents[2].rglob("plan.json")):
        yield pytest.param(json.loads(path.read_text(encoding="utf-8")), id=f"{path.parent.name}-committed")


@pytest.mark.parametrize("found", list(documents()))
def test_every_plan_of_the_tests_fits_the_schema(found: dict[str, Any]) -> None:
    """The schema describes every plan that the tests hold, and the gate accepts it."""
    assert [error.message for error in plan_validator().iter_errors(found)] == []
    assert plan_gate()(found)
    assert is_plan(found)


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "a key more": lambda d: d.update(more=1),
    "a key less": lambda d: d.pop("recipients"),
    "another format": lambda d: d.update(format="reconciler.plan/2"),
    "a digest cut short": lambda d: d.update(digest=d["digest"][1:]),
    "a time with another zone": lambda d: d.update(created_at="2026-11-22T10:00:00+08:00"),
    "less than nothing": lambda d: d.update(expires_in=-1),
    "a flag as a number": lambda d: d.update(allow_replace=1),
    "an unknown action": lambda d: d["actions"][0].update(action="merge"),
    "an unknown field": lambda d: d["actions"][0]["changes"][0].update(field="sipPassword"),
    "an unknown origin": lambda d: d["actions"][0].update(origin="me"),
    "a list for a value": lambda d: d["actions"][0]["changes"][0].update(after=[1]),
    "a listed field less": lambda d: d["actions"][0]["live"].pop("email"),
    "a line before the first": lambda d: d["actions"][0]["source"].update(line=0),
    "a password itself": lambda d: d["actions"][0].update(password={"plain": "x", "version": 1}),
    "a folder without its file": lambda d: d["actions"][0].update(password={"env": "A", "folder": "a", "version": 1}),
    "a password from two places": lambda d: d["actions"][0].update(password={"env": "A", "file": "a", "version": 1}),
}


@pytest.mark.parametrize("break_", BROKEN.values(), ids=BROKEN)
def test_the_schema_refuses(break_: Callable[[dict[str, Any]], object]) -> None:
    """What no plan has is no plan to the schema."""
    found = written(WHOLE)
    break_(found)
    assert not plan_validator().is_valid(found)
    assert not is_plan(found)


@law
@given(desired_states(), live_states(), ledgers(), policies(), st.randoms(use_true_random=False))
def test_the_same_inputs_are_the_same_bytes(
    wanted: DesiredState, listing: LiveState, ledger: dict[str, LedgerEntry], policy: Policy, random: Random
) -> None:
    """In whatever order the vendor lists and the ledger remembers, the JSON is the same to the byte."""
    rows = random.sample(list(listing.agents.values()), len(listing.agents))
    entries = {id_: ledger[id_] for id_ in random.sample(sorted(ledger), len(ledger))}
    again = make_plan(wanted, live_state(rows, complete=listing.complete), entries, policy)
    first = make_plan(wanted, listing, ledger, policy)
    assert json_text(plan_document(again, TOOL, CREATED)) == json_text(plan_document(first, TOOL, CREATED))


# What the digest covers


WHOLE = Plan(
    company=Company("acme", 4242),
    desired_sha256="0" * 64,
    files=("agents.yaml",),
    desired_agents=3,
    live_agents=4,
    in_scope=4,
    unchanged=1,
    actions=(
        Action(
            "replace",
            "8001",
            "张三",
            Place("agents.yaml", 7),
            (FieldChange("email", "a", "b", origin="change"), FieldChange("roleName", "x", "y")),
            carries={"name": "张三"},
            password=PasswordSource("env", "PASSWORD", 2),
            live=live_agent("8001", sipNumber="60001"),
            recorded=LedgerEntry(1, {"roleName": "x"}, password_unknown=True, to_restore={"showcaller": "1"}),
            blocked=Text("not today"),
            origin="change",
        ),
    ),
    calls=(),
    endpoint="https://vendor.example",
    recipients=("age1a", "age1b"),
    allow_replace=True,
    expires_in=604800,
    guardrails=(Guardrail("maxDeletes", "50%", 2, 2, ("8001", "8009"), Text("raise it"), "file"),),
    notes=(Note(Text("kept"), ("8003",)),),
)
EXPLAINS = {
    *("desired_sha256", "files", "desired_agents", "live_agents", "in_scope", "unchanged", "calls", "fewest_calls"),
    *("notes", "notes.message", "notes.operator_ids", "guardrails.allowed", "guardrails.hint"),
    *("actions.place", "actions.place.file", "actions.place.line", "actions.place.column"),
    *("actions.origin", "actions.changes.origin", "actions.recorded.awaited", "actions.recorded.in_doubt"),
    *("actions.recorded.vendor_id", "actions.recorded.created", "actions.recorded.recorded"),
    *("policy_changes", "reads"),
}
"""What a plan has only for its readers, or what follows from the rest. Everything else decides."""


def mutations(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The value with each single thing in it changed, and where that was."""
    if is_dataclass(value) and not isinstance(value, type):
        for each in (each for each in fields(value) if each.compare):
            inner = getattr(value, each.name)
            if each.name in ("place", "live", "password"):
                yield f"{path}.{each.name}", replace(value, **{each.name: None})
            for where, changed in mutations(inner, f"{path}.{each.name}" if path else each.name):
                yield where, replace(value, **{each.name: changed})
        return
    if isinstance(value, tuple):
        yield path, (*value, *value[:1]) if value else ("more",)
        yield path, value[1:] if value else ("other",)
        for index, item in enumerate(value):
            for where, changed in mutations(item, path):
                yield where, (*value[:index], changed, *value[index + 1 :])
    elif isinstance(value, Mapping):
        yield path, {**value, "more": 1}
        for key in value:
            yield path, {name: inner for name, inner in value.items() if name != key}
            yield path, {**value, key: _other(value[key])}
    else:
        yield path, _other(value)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value}x"


MUTATIONS = [pytest.param(where, plan, id=f"{n}-{where}") for n, (where, plan) in enumerate(mutations(WHOLE)) if where]


@pytest.mark.parametrize(("where", "changed"), MUTATIONS)
def test_what_decides_is_in_the_digest(where: str, changed: Plan) -> None:
    """Whatever single thing of a plan is another, the digest is, unless that thing only explains."""
    assert changed != WHOLE
    assert (digest(changed) == digest(WHOLE)) == (where in EXPLAINS)


def test_only_what_exists_explains() -> None:
    """The exceptions are parts of a plan, so that none outlives what it excepts."""
    assert {where for where, _ in mutations(WHOLE)} >= EXPLAINS


# The same from the inputs' side

TEXT = """\
version: 1
company: {abbreviate: acme, companyId: 4242}
protect: ["9*"]
guardrails: {maxDeletes: 50%, maxChanges: 9}
recipients: [age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqs]
agents:
- {operatorId: "8001", name: 张三, email: new@example.com}
- {operatorId: "8002", afterInterval: 9, roleName: 客服, password: {env: ONE, version: 2}}
- {operatorId: "8003", password: {generate: true, version: 1}}
- {operatorId: "8004", name: same}
"""
ROWS = (
    live_agent("8001", name="张三", email="old@example.com", sipNumber="60001"),
    live_agent("8002", bindcode="1"),
    live_agent("8004", name="same"),
    live_agent("8005"),
    live_agent("9001"),
)
LEDGER = {"8002": LedgerEntry(1, {"roleName": "班长"})}


def digest_of(
    text: str = TEXT,
    *rows: Any,
    ledger: Mapping[str, LedgerEntry] | None = None,
    policy: Policy | None = None,
    endpoint: str = "https://vendor.example",
) -> str:
    """The digest of a plan, from a file's text and the rest of what goes in."""
    there = replace(live(*(rows or ROWS)), endpoint=endpoint)
    return digest(planned(state(text), there, LEDGER if ledger is None else ledger, policy or FLAGS))


FLAGS = Policy(allow_replace=True)


def edited(old: str, new: str) -> str:
    """The file with something else in it."""
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


def with_row(operator_id: str, **values: Any) -> tuple[Any, ...]:
    """The listing, with other values of one agent."""
    return tuple(replace(r, fields={**r.fields, **values}) if r.operator_id == operator_id else r for r in ROWS)


DECIDING: dict[str, Callable[[], str]] = {
    "the company": lambda: digest_of(edited("abbreviate: acme", "abbreviate: other")),
    "its id": lambda: digest_of(edited("companyId: 4242", "companyId: 4243")),
    "no id": lambda: digest_of(edited(", companyId: 4242", "")),
    "the vendor": lambda: digest_of(endpoint="https://other.example"),
    "who reads the credentials": lambda: digest_of(edited("qqs]", "qqz]")),
    "nobody reads them": lambda: digest_of(re.sub("recipients.*\n", "", TEXT)),
    "how long it holds": lambda: digest_of(policy=replace(FLAGS, expires_in=3600)),
    "no replaces": lambda: digest_of(policy=Policy()),
    "a limit by a flag": lambda: digest_of(policy=replace(FLAGS, max_deletes=Limit("51%"))),
    "the same limit by a flag": lambda: digest_of(policy=replace(FLAGS, max_deletes=Limit("50%"))),
    "another limit in the file": lambda: digest_of(edited("maxDeletes: 50%", "maxDeletes: 51%")),
    "no limit in the file": lambda: digest_of(edited(", maxChanges: 9", "")),
    "a value": lambda: digest_of(edited("afterInterval: 9", "afterInterval: 8")),
    "a flag's kind of value": lambda: digest_of(edited("name: 张三", "name: 张三, isrecord: false")),
    "an agent more": lambda: digest_of(TEXT + '- {operatorId: "8006"}\n'),
    "an agent less": lambda: digest_of(edited('- {operatorId: "8003", password: {generate: true, version: 1}}\n', "")),
    "where a password comes from": lambda: digest_of(edited("env: ONE", "env: TWO")),
    "a password's kind": lambda: digest_of(edited("env: ONE", "file: ONE")),
    "a password's version": lambda: digest_of(edited("env: ONE, version: 2", "env: ONE, version: 3")),
    "a new agent's password": lambda: digest_of(edited("generate: true", "env: ONE")),
    "a before value": lambda: digest_of(TEXT, *with_row("8002", afterInterval=3)),
    "an unmanaged value": lambda: digest_of(TEXT, *with_row("8002", bindcode="2")),
    "a value of one to be deleted": lambda: digest_of(TEXT, *with_row("8005", bindcode="2")),
    "what is carried over": lambda: digest_of(TEXT, *with_row("8001", ttscontent="您好")),
    "an unmanaged SIP number": lambda: digest_of(TEXT, *with_row("8001", sipNumber="60002")),
    "a touched agent gone": lambda: digest_of(TEXT, *ROWS[1:]),
    "a recorded version": lambda: digest_of(ledger={"8002": LedgerEntry(None, {"roleName": "班长"})}),
    "a recorded role": lambda: digest_of(ledger={"8002": LedgerEntry(1, {"roleName": "组长"})}),
    "a record of an agent to be deleted": lambda: digest_of(ledger={**LEDGER, "8005": LedgerEntry(4)}),
    "an agent nobody is sure of": lambda: digest_of(ledger={**LEDGER, "8003": LedgerEntry(password_unknown=True)}),
    "what an agent is owed": lambda: digest_of(ledger={**LEDGER, "8003": LedgerEntry(to_restore={"bindcode": "1"})}),
}
SILENT: dict[str, Callable[[], str]] = {
    "an unrelated agent more": lambda: digest_of(TEXT, *ROWS, live_agent("9002")),
    "an unrelated agent less": lambda: digest_of(TEXT, *ROWS[:-1]),
    "an unrelated agent changed": lambda: digest_of(TEXT, *with_row("8004", bindcode="2")),
    "an unrelated record": lambda: digest_of(ledger={**LEDGER, "8004": LedgerEntry(7), "7001": LedgerEntry(1)}),
    "an empty record": lambda: digest_of(ledger={**LEDGER, "8003": LedgerEntry()}),
    "the listing's order": lambda: digest_of(TEXT, *reversed(ROWS)),
    "the lines": lambda: digest_of("# 注释\n\n" + TEXT),
    "the spelling": lambda: digest_of(edited("name: 张三", 'name: "张三"')),
    "the agents' order": lambda: digest_of(_reordered(TEXT)),
    "a protection that protects nobody new": lambda: digest_of(edited('["9*"]', '["9*", "77"]')),
    "an agent that is as it is listed": lambda: digest_of(TEXT, *ROWS, live_agent("9003", name="x")),
}


def _reordered(text: str) -> str:
    head, agents = text.split("agents:\n")
    return head + "agents:\n" + "".join(reversed(agents.splitlines(keepends=True)))


@pytest.mark.parametrize("other", DECIDING.values(), ids=DECIDING)
def test_another_decision_is_another_digest(other: Callable[[], str]) -> None:
    """Each single thing that decides what an apply does, or whether it may, changes the digest."""
    assert other() != digest_of()


def test_the_folder_of_a_password_file_decides() -> None:
    """The same name in another folder is another password, so it is another digest; the plan file keeps both."""
    text = edited("env: ONE", "file: ONE")
    plans = [planned(state(text, name), live(*ROWS), LEDGER, FLAGS) for name in ("agents.yaml", "team/agents.yaml")]
    assert digest(plans[0]) != digest(plans[1])
    for plan in plans:
        assert digest(read_plan(plan_document(plan, "0", "2026-11-22T10:00:00Z"))) == digest(plan)


@pytest.mark.parametrize("other", SILENT.values(), ids=SILENT)
def test_what_does_not_decide_keeps_the_digest(other: Callable[[], str]) -> None:
    """What is written otherwise, and what happens to agents that the plan does not touch, voids no review."""
    assert other() == digest_of()


def test_the_default_limit_does_not_come_with_an_unrelated_agent() -> None:
    """The tenth live agent brings the default limit into force; a plan that it does not touch keeps its digest."""
    wanted = desired(agent("8000", name="new"), prune=False)
    rows = [live_agent(f"80{n:02}") for n in range(10)]
    assert digest(planned(wanted, live(*rows))) == digest(planned(wanted, live(*rows[:-1])))


def test_the_digest_tells_no_time() -> None:
    """Made at another time, by another version, from a file of another name, the same plan has the same digest."""
    plan = planned(state(TEXT), live(*ROWS), LEDGER, REPLACING)
    other = planned(state(TEXT, "other/name.yaml"), live(*ROWS), LEDGER, REPLACING)
    first, second = written(plan), written(other, "9.9.9", "2027-01-01T00:00:00Z")
    assert first["digest"] == second["digest"]
    assert first["actions"] != second["actions"]


def test_origins_do_not_change_the_digest() -> None:
    """A plan that tells whose doing it is can be applied by one that was not asked."""
    plan = planned(state(TEXT), live(*ROWS), LEDGER, REPLACING)
    told = with_origins(plan, planned(desired(), live(*ROWS), LEDGER, REPLACING))
    assert told != plan
    assert digest(told) == digest(plan)


def test_the_order_of_recipients_does_not_matter() -> None:
    """Credentials are for all of them, in whatever order the file has them."""
    assert digest(replace(WHOLE, recipients=WHOLE.recipients[::-1])) == digest(WHOLE)


# No secrets


KEYS_OF_PASSWORDS = (
    *("summary.password", "calls.password", "actions.ledger.passwordVersion", "actions.password"),
    *(f"actions.password.{key}" for key in ("env", "file", "folder", "generate", "version")),
)
"""How many there are, where they come from, and which version; never what they are."""


def test_no_key_is_for_a_secret() -> None:
    """A plan has no key but the schema's, and none of those is for a secret."""
    named = {path for path in _keys(plan_schema()) if re.search("password|token|secret|md5", path, re.IGNORECASE)}
    assert named == set(KEYS_OF_PASSWORDS)


def _keys(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    inner = schema.get("items", schema)
    assert inner.get("type") != "object" or inner["additionalProperties"] is False
    for key, value in inner.get("properties", {}).items():
        yield f"{path}{key}"
        yield from _keys(value, f"{path}{key}.")


def test_nothing_secret_of_a_listed_row_is_kept() -> None:
    """What the vendor lists of secrets is in no plan, though the rest of the row is, nor is its hash."""
    row = {
        "operatorId": "8001",
        "email": "e@example.com",
        "sipPassword": "canary",
        "password": "canary",
        "more": "canary",
    }
    plain = {"operatorId": "8001", "email": "e@example.com"}
    found, other = (written(planned(desired(agent("8002", env(1))), live_state([listed(r)]))) for r in (row, plain))
    assert found["actions"][0]["live"]["email"] == "e@example.com"
    assert "canary" not in json.dumps(found)
    assert found == other


def test_validators_are_made_once() -> None:
    """Both schemas are compiled when they are first asked for, and then kept."""
    for validator in (plan_validator, strict_validator):
        validator.cache_clear()
        assert validator() is validator()
