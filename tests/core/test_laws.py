"""Laws that hold for any desired state, any listing and any ledger."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, product
from random import Random

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from reconciler.core.model.desired import DesiredState, Policy
from reconciler.core.model.fields import BY_NAME, LISTED, Value, can_edit, encode
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import Identity, LiveState
from reconciler.core.model.plan import Call, Plan
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.core.saved.plan_json import digest
from reconciler.core.wire import live_agent
from tests.core import build
from tests.core.build import REPLACING
from tests.model_vendor import ModelVendor, admissible, record
from tests.strategies import SIP_NUMBERS, desired_states, ledgers, live_states, policies

POOL = (*SIP_NUMBERS, *(str(number) for number in range(60006, 60030)))
randoms = st.randoms(use_true_random=False)
law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@law
@given(desired_states(), live_states(), ledgers(), policies(), randoms)
def test_the_order_of_agents_and_keys_does_not_matter(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], policy: Policy, random: Random
) -> None:
    """The plan is the same whatever order agents, their keys, the listing and the ledger come in."""
    agents = [replace(agent, fields=_shuffled(agent.fields, random)) for agent in desired.agents]
    random.shuffle(agents)
    rows = [replace(row, fields=_shuffled(row.fields, random)) for row in live.agents.values()]
    random.shuffle(rows)
    entries = {id_: ledger[id_] for id_ in random.sample(sorted(ledger), len(ledger))}
    first = make_plan(desired, live, ledger, policy)
    again = make_plan(replace(desired, agents=tuple(agents)), live_state(rows, complete=live.complete), entries, policy)
    assert set(again.notes) == set(first.notes)
    assert replace(again, notes=first.notes) == first


def _shuffled(fields: object, random: Random) -> dict[str, Value]:
    assert isinstance(fields, dict)
    return {name: fields[name] for name in random.sample(sorted(fields), len(fields))}


@law
@given(desired_states(), live_states(), ledgers(), policies(), st.data())
def test_what_is_known_of_an_agent_that_was_made_anew_counts_for_nothing(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], policy: Policy, data: st.DataObject
) -> None:
    """Where the listing shows another agent than the ledger knows the plan is as without a record, and names them.

    The `id` shows that, or the `ctime` where an `id` was given again. Whoever is in no file is named where something is
    done to them. Where either tells no `id`, or both the same, the record holds.
    """
    anew = data.draw(st.sets(st.sampled_from(sorted({*live.agents, "8001"}))), label="made anew")
    reused = data.draw(st.booleans(), label="the id was given again")
    now, then = Identity(2, 61), Identity(2 if reused else 1, 1)
    here = live_state(
        [replace(agent, vendor_id=now.vendor_id, created=now.created) for agent in live.agents.values()],
        complete=live.complete,
    )
    assume(not reused or len(anew.intersection(live.agents).intersection(ledger)) < 2)  # else the vendor's clock
    known = {
        id_: replace(entry, vendor_id=whose.vendor_id, created=whose.created)
        for id_, entry in ledger.items()
        for whose in [then if id_ in anew else now]
    }
    plan = make_plan(desired, here, known, policy)
    others = {id_: entry for id_, entry in ledger.items() if id_ not in anew.intersection(live.agents)}
    assert digest(plan) == digest(make_plan(desired, here, others, policy))
    told = {id_ for note in plan.notes if note.message.startswith("deleted and made anew") for id_ in note.operator_ids}
    wanted = {agent.operator_id for agent in desired.agents if policy.includes(agent.operator_id)}
    wanted |= {action.operator_id for action in plan.actions}
    assert told == wanted & ledger.keys() & anew.intersection(live.agents)
    assert digest(make_plan(desired, live, known, policy)) == digest(make_plan(desired, here, ledger, policy))


@law
@given(desired_states(), live_states(), ledgers(), policies())
def test_an_unmanaged_field_is_never_sent(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], policy: Policy
) -> None:
    """A call sends what the file manages and nothing else; a replace also what the live agent had or is owed.

    Whoever is in no file is only disabled.
    """
    wanted = {agent.operator_id: agent.fields for agent in desired.agents}
    plan = make_plan(desired, live, ledger, policy)
    for call in plan.calls:
        if plan.actions[call.actions[0]].removal:
            assert call.fields == {"status": "disabled"}
            assert not wanted.keys() & set(call.operator_ids)
            continue
        for id_, (name, value) in product(call.operator_ids, call.fields.items()):
            entry = ledger.get(id_, LedgerEntry())
            # An edit that lets go, or a create that says that the vendor is not to choose.
            letting_go = name == "sipNumber" and (call.batch or call.fields == {"sipNumber": None})
            if name in wanted[id_]:
                assert value == wanted[id_][name] or letting_go
            elif plan.actions[call.actions[0]].kind == "replace":
                assert value in (
                    live.agents[id_].fields.get(name),
                    entry.last_sent.get(name),
                    entry.to_restore.get(name),
                )
            else:
                assert value == entry.to_restore[name]


@law
@given(desired_states(), live_states(), ledgers(), policies())
def test_what_is_blocked_or_guarded_is_refused(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], policy: Policy
) -> None:
    """A plan is refused exactly when something is blocked or a limit is crossed, and a blocked act has no call."""
    plan = make_plan(desired, live, ledger, policy)
    crossed = [guardrail for guardrail in plan.guardrails if guardrail.planned > guardrail.allowed]
    assert plan.refused == (any(action.blocked for action in plan.actions) or bool(crossed))
    assert not any(plan.actions[index].blocked for call in plan.calls for index in call.actions)


@law
@given(desired_states(), live_states(), ledgers(), policies())
def test_an_incomplete_listing_never_deletes(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], policy: Policy
) -> None:
    """From an incomplete listing no agent is deleted or disabled; nor is a protected one or one out of scope, ever."""
    plan = make_plan(desired, live, ledger, policy)
    ids = {action.operator_id for action in plan.actions if action.kind == "delete" or action.removal}
    assert not ids or (live.complete and desired.prune)
    assert ids <= live.agents.keys() - {agent.operator_id for agent in desired.agents}
    again = make_plan(replace(desired, protect=("*",)), live, ledger, policy)
    gone = {a.operator_id for a in again.actions if (a.kind in ("delete", "replace") or a.removal) and not a.blocked}
    assert gone == set()


@law
@given(desired_states(), live_states(), ledgers(), policies())
def test_every_desired_agent_is_counted_once(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], policy: Policy
) -> None:
    """Create + edit + replace + blocked + only a password + unchanged is the number of desired agents.

    Edits of those that are in no file come on top.
    """
    plan = make_plan(desired, live, ledger, policy)
    changed = {action.operator_id for action in plan.actions if action.kind in ("create", "edit", "replace")}
    only_passwords = sum(a.kind == "password" and a.operator_id not in changed for a in plan.actions)
    summary = plan.summary
    counted = sum(summary[kind] for kind in ("create", "edit", "replace", "blocked", "unchanged"))
    removed = sum(action.removal for action in plan.actions)
    assert counted + only_passwords == len(desired.agents) + removed
    assert plan.call_counts["total"] == len(plan.calls)
    assert [(a.operator_id, a.kind) for a in plan.actions] == sorted((a.operator_id, a.kind) for a in plan.actions)


@law
@given(desired_states(), live_states(), ledgers())
def test_a_number_is_bound_after_it_is_free(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry]
) -> None:
    """Every call that binds a SIP number comes, by `after`, later than the one that takes it from its holder."""
    _assert_numbers_are_freed_first(make_plan(desired, live, ledger, REPLACING), live)


@law
@given(desired_states(sip_only=True), live_states(sip_only=True))
def test_rings_and_chains_are_ordered(desired: DesiredState, live: LiveState) -> None:
    """The same where nothing but SIP numbers moves, so that rings and chains are many."""
    plan = make_plan(desired, live, {}, REPLACING)
    event(f"calls: {min(len(plan.calls), 9)}")
    _assert_numbers_are_freed_first(plan, live)


def _assert_numbers_are_freed_first(plan: Plan, live: LiveState) -> None:
    holders: dict[Value, str] = {row.fields["sipNumber"]: id_ for id_, row in live.agents.items()}
    for index, call in enumerate(plan.calls):
        number = call.fields.get("sipNumber") if call.kind == "edit" else None
        holder = holders.get(number)
        if number is not None and holder not in (None, call.operator_ids[0]):
            assert any(_frees(plan.calls[before], str(holder), number) for before in _before(plan.calls, index))


def _frees(call: Call, holder: str, number: Value) -> bool:
    gives_up = call.kind == "edit" and call.fields.get("sipNumber", number) != number
    return holder in call.operator_ids and (call.kind == "delete" or gives_up)


def _before(calls: tuple[Call, ...], index: int) -> set[int]:
    found: set[int] = set()
    left = [index]
    while left:
        new = set(calls[left.pop()].requires_success_of) - found
        found |= new
        left += new
    assert index not in found, "the order goes round in a circle"
    return found


@law
@given(desired_states(), live_states(odd=False), ledgers(), randoms)
def test_one_apply_converges(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], random: Random
) -> None:
    """In any order that the calls allow the vendor refuses none, and then nothing is left to do."""
    _assert_converges(desired, live, ledger, random)


@law
@given(desired_states(sip_only=True), live_states(sip_only=True), randoms)
def test_moves_of_sip_numbers_converge(desired: DesiredState, live: LiveState, random: Random) -> None:
    """The same where nothing but SIP numbers moves, and the vendor's own choice could get in the way."""
    _assert_converges(desired, live, {}, random)


@law
@given(desired_states(), live_states(odd=False), ledgers(), randoms, st.floats(0, 1))
def test_an_apply_that_was_cut_short_is_finished_by_the_next(
    desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], random: Random, part: float
) -> None:
    """After any number of calls a second apply does the rest, and a replaced agent gets back all that it had."""
    ledger = {id_: replace(entry, to_restore={}) for id_, entry in ledger.items()}
    desired = _possible(desired, live, ledger)
    assume(desired.agents)
    plan = make_plan(desired, live, ledger, REPLACING)
    vendor = _vendor(live, ledger)
    book = _applied(plan, vendor, ledger, random, round(part * len(plan.calls)))
    between = _listed(vendor, complete=live.complete)
    rest = make_plan(desired, between, book, REPLACING)
    event(f"left to do: {min(len(rest.calls), 5)}")
    assert not rest.blocked
    book = _applied(rest, vendor, book, random, len(rest.calls))
    after = _listed(vendor, complete=live.complete)
    assert make_plan(desired, after, book, REPLACING).actions == ()
    _assert_carried(desired, plan, live, after)


@law
@given(st.permutations(range(9)), st.lists(st.booleans(), min_size=9, max_size=9), randoms)
def test_any_permutation_of_numbers_converges(to: list[int], replaced: list[bool], random: Random) -> None:
    """Rings of every length at once, broken by an unbinding or by a replace within them."""
    ids = [f"80{index:02}" for index in range(9)]
    numbers = [f"600{index:02}" for index in range(9)]
    mails = ["new@example.com" if new else "old@example.com" for new in replaced]
    listed = build.live(
        *(build.live_agent(i, sipNumber=n, email="old@example.com") for i, n in zip(ids, numbers, strict=True))
    )
    wanted = build.desired(
        *(build.agent(i, sipNumber=numbers[t], email=m) for i, t, m in zip(ids, to, mails, strict=True))
    )
    _assert_numbers_are_freed_first(make_plan(wanted, listed, {}, REPLACING), listed)
    _assert_converges(wanted, listed, {}, random)


def _assert_converges(desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry], random: Random) -> None:
    desired = _possible(desired, live, ledger)
    assume(desired.agents)
    plan = make_plan(desired, live, ledger, REPLACING)
    event(f"replaces: {plan.summary['replace']}, calls: {min(len(plan.calls), 9)}")
    assert not plan.refused
    vendor = _vendor(live, ledger)
    book = _applied(plan, vendor, ledger, random, len(plan.calls))
    after = _listed(vendor, complete=live.complete)
    again = make_plan(desired, after, book, REPLACING)
    assert again.actions == ()
    _assert_carried(desired, plan, live, after)
    _assert_written(desired, ledger, live, vendor)


def _applied(
    plan: Plan, vendor: ModelVendor, ledger: dict[str, LedgerEntry], random: Random, most: int
) -> dict[str, LedgerEntry]:
    """Carry out so many of the calls; what the ledger remembers then."""
    for call in islice(admissible(plan.calls, random), most):
        vendor.send(call, plan.company)
        ledger = record(ledger, call)
    return ledger


def _listed(vendor: ModelVendor, *, complete: bool) -> LiveState:
    return live_state((live_agent(row) for row in vendor.listing()), complete=complete)


def _possible(desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry]) -> DesiredState:
    """The state without the agents whose change would be blocked."""
    while blocked := {action.operator_id for action in make_plan(desired, live, ledger, REPLACING).blocked}:
        agents = tuple(agent for agent in desired.agents if agent.operator_id not in blocked)
        desired = replace(desired, agents=agents)
    return desired


def _vendor(live: LiveState, ledger: dict[str, LedgerEntry]) -> ModelVendor:
    rows = [
        {"operatorId": id_, **{str(row.wire.listed): encode(row, agent.fields[row.name]) for row in LISTED}}
        for id_, agent in live.agents.items()
    ]
    hidden = {id_: {n: encode(BY_NAME[n], v) for n, v in entry.last_sent.items()} for id_, entry in ledger.items()}
    return ModelVendor(rows, POOL, hidden)


def _assert_carried(desired: DesiredState, plan: Plan, live: LiveState, after: LiveState) -> None:
    """A replaced agent has every listed value that nobody asked to change, its SIP number and what it is owed too."""
    managed = {agent.operator_id: agent.fields for agent in desired.agents}
    for action in plan.actions:
        if action.kind in ("edit", "replace"):
            asked = {change.field: change.after for change in action.changes if BY_NAME[change.field].wire.listed}
            id_, to_restore = action.operator_id, {**action.recorded.to_restore}
            number = to_restore.pop("sipNumber", None)
            if "sipNumber" in action.carries and action.carries["sipNumber"] == number:
                asked = {"sipNumber": number, **asked}
            if action.removal:  # whoever is in no file is only disabled
                to_restore = {}
            unasked = {n: v for n, v in to_restore.items() if n not in managed[id_] and BY_NAME[n].wire.listed}
            back = {n: v for n, v in unasked.items() if can_edit(BY_NAME[n], v)}
            assert after.agents[id_].fields == {**live.agents[id_].fields, **back, **asked}


def _assert_written(
    desired: DesiredState, ledger: dict[str, LedgerEntry], live: LiveState, vendor: ModelVendor
) -> None:
    """What is never listed is as the file wants it, wherever that could be known."""
    for agent in desired.agents:
        for name in agent.fields.keys() & {"roleName", "bindSkillName", "bindSkillLevel"}:
            known = (
                agent.operator_id not in live.agents or name in ledger.get(agent.operator_id, LedgerEntry()).last_sent
            )
            if name == "roleName" or known:
                assert vendor.rows[agent.operator_id][name] == agent.fields[name]
