"""The limits that a plan must stay within."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconciler.core.model.desired import Limit, Policy
from reconciler.core.model.fields import Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import Text
from reconciler.core.model.operator_id import difference
from reconciler.core.model.plan import Guardrail, Plan
from reconciler.core.planning.make_plan import make_plan
from reconciler.core.saved.plan_json import digest
from tests.core.build import agent, desired, env, live, live_agent, planned


def deletes(kept: int, extra: int, policy: Policy | None = None, **guardrails: str) -> Plan:
    """A plan over agents that stay and agents that go."""
    ids = [f"8{index:03}" for index in range(kept + extra)]
    wanted = desired(
        *(agent(id_) for id_ in ids[:kept]),
        max_deletes=guardrails.get("max_deletes"),
        max_changes=guardrails.get("max_changes"),
    )
    return planned(wanted, live(*(live_agent(id_) for id_ in ids)), policy=policy)


def rails(plan: Plan) -> list[tuple[str, str, int, int, bool]]:
    """The guardrails in force: rule, limit, how much is allowed and planned, and whether that is well.

    Without the default on passwords where none is planned.
    """
    shown = [rail for rail in plan.guardrails if rail.rule != "maxPasswords" or rail.planned]
    return [(rail.rule, rail.limit, rail.allowed, rail.planned, rail.ok) for rail in shown]


@pytest.mark.parametrize(
    ("kept", "extra", "expected"),
    [
        (1, 8, []),
        (8, 1, []),
        (9, 1, [("maxDeletes", "20%", 2, 1, True)]),
        (8, 2, [("maxDeletes", "20%", 2, 2, True)]),
        (7, 3, [("maxDeletes", "20%", 2, 3, False)]),
        (11, 3, [("maxDeletes", "20%", 2, 3, False)]),
        (12, 3, [("maxDeletes", "20%", 3, 3, True)]),
        (10, 0, [("maxDeletes", "20%", 2, 0, True)]),
    ],
)
def test_a_fifth_may_go_by_default(kept: int, extra: int, expected: list[tuple[str, str, int, int, bool]]) -> None:
    """From ten live agents on, a fifth of them, rounded down, may be deleted; below there is no default."""
    plan = deletes(kept, extra)
    assert rails(plan) == expected
    assert plan.refused is not all(ok for *_, ok in expected)


def test_the_percentage_is_of_the_live_agents_in_scope() -> None:
    """Agents out of scope and agents to be created do not raise the limit."""
    listed = [live_agent(f"8{index:03}") for index in range(10)] + [live_agent(f"9{index:03}") for index in range(90)]
    wanted = desired(*(agent(f"8{index:03}") for index in range(3, 60)), scope=("8*",))
    assert rails(planned(wanted, live(*listed))) == [("maxDeletes", "20%", 2, 3, False)]


@pytest.mark.parametrize(
    ("file", "flag", "limit", "ok"),
    [
        (None, None, "20%", False),
        ("3", None, "3", True),
        ("2", None, "2", False),
        ("30%", None, "30%", True),
        ("29.9%", None, "29.9%", False),
        ("0", "3", "3", True),
        ("100%", "0", "0", False),
        (None, "100%", "100%", True),
    ],
)
def test_the_file_sets_the_limit_and_the_command_line_overrides_it(
    file: str | None, flag: str | None, limit: str, ok: bool
) -> None:
    """The command line's limit counts, then the file's, then the default; 0 is a limit."""
    policy = Policy(max_deletes=None if flag is None else Limit(flag))
    given: dict[str, str] = {} if file is None else {"max_deletes": file}
    ((rule, text, _, planned_, fine),) = rails(deletes(7, 3, policy, **given))
    assert (rule, text, planned_, fine) == ("maxDeletes", limit, 3, ok)


@pytest.mark.parametrize(
    ("others", "extra", "expected"),
    [
        (91, 8, [("maxDeletes", "20%", 1, 8, False)]),
        (91, 1, [("maxDeletes", "20%", 1, 1, True)]),
        (8, 1, [("maxDeletes", "20%", 1, 1, True)]),
        (7, 2, [("maxDeletes", "20%", 1, 2, False)]),
        (6, 2, []),
    ],
)
def test_the_default_holds_for_a_small_scope_of_a_large_company(
    others: int, extra: int, expected: list[tuple[str, str, int, int, bool]]
) -> None:
    """The default is in force as soon as the company has ten live agents, and always allows one."""
    listed = [live_agent(f"800{index}") for index in range(1 + extra)]
    listed += [live_agent(f"9{index:03}") for index in range(others)]
    assert rails(planned(desired(agent("8000"), scope=("800[0-8]",)), live(*listed))) == expected


def passwords(
    count: int, policy: Policy | None = None, *, total: int = 20, unknown: int = 0, limit: str | None = None
) -> Plan:
    """A plan that sets the passwords of the first agents anew, of which nobody knows some."""
    ids = [f"8{index:03}" for index in range(total)]
    wanted = desired(
        *(agent(id_, env(2) if index < count else None) for index, id_ in enumerate(ids)), max_passwords=limit
    )
    ledger = {id_: LedgerEntry(1, password_unknown=index < unknown) for index, id_ in enumerate(ids)}
    return planned(wanted, live(*map(live_agent, ids)), ledger, policy)


def password_rail(plan: Plan) -> tuple[str, int, int, bool] | None:
    """The guardrail on passwords."""
    found = [(r.limit, r.allowed, r.planned, r.ok) for r in plan.guardrails if r.rule == "maxPasswords"]
    return found[0] if found else None


def test_a_fifth_of_the_passwords_may_be_set_by_default() -> None:
    """`maxPasswords` counts new passwords of live agents, and has the default of `maxDeletes`."""
    assert password_rail(passwords(4)) == ("20%", 4, 4, True)
    assert password_rail(passwords(5)) == ("20%", 4, 5, False)
    assert password_rail(passwords(1, total=10)) == ("20%", 2, 1, True)
    assert password_rail(passwords(9, total=9)) is None
    assert password_rail(passwords(3, limit="2")) == ("2", 2, 3, False)
    assert password_rail(passwords(9, total=9, limit="50%")) == ("50%", 4, 9, False)
    assert password_rail(passwords(20, Policy(max_passwords=Limit("100%")), limit="0")) == (
        "100%",
        20,
        20,
        True,
    )


def test_new_agents_count_no_password() -> None:
    """A create sets a password that nobody had before."""
    listed = live(*(live_agent(f"8{index:03}") for index in range(10)))
    wanted = desired(*(agent(f"8{index:03}", env() if index > 9 else None) for index in range(40)))
    assert password_rail(planned(wanted, listed)) == ("20%", 2, 0, True)


def test_a_password_that_nobody_knows_does_not_count() -> None:
    """After a run was killed, nobody can be locked out: such passwords are planned and told, and not counted."""
    plan = passwords(20, unknown=17)
    assert password_rail(plan) == ("20%", 4, 3, True)
    assert plan.summary["password"] == 20
    (note,) = [note for note in plan.notes if "nobody may know" in note.message]
    assert note.operator_ids == tuple(f"8{index:03}" for index in range(17))


FORGOTTEN = {"8001": "agents/b.yaml", "8002": "agents/b.yaml", "8003": "agents/c.yaml", "8009": "agents/c.yaml"}


def forgetting(policy: Policy | None = None, forgotten: Mapping[str, str] = FORGOTTEN) -> Plan:
    """A plan of one file, that deletes agents of files that were not given."""
    listed = live(*(live_agent(f"800{index}") for index in range(1, 6)))
    wanted = desired(agent("8005", email="n"), agent("8009"))
    return make_plan(wanted, listed, {}, policy or Policy(), forgotten)


def test_agents_of_a_forgotten_file_are_not_deleted() -> None:
    """`forgottenFiles` trips at the first delete of an agent whose file is there and was not given, and names it."""
    (rail,) = forgetting().guardrails
    assert (rail.rule, rail.limit, rail.allowed, rail.planned, rail.set_by) == ("forgottenFiles", "0", 0, 3, "default")
    assert rail.operator_ids == ("8001", "8002", "8003")
    assert "agents/b.yaml, agents/c.yaml" in rail.hint
    assert "--allow-forgotten-files" in rail.hint
    assert forgetting().refused
    assert forgetting(forgotten={"8005": "b.yaml", "8009": "b.yaml", "8010": "b.yaml"}).guardrails == ()


def test_many_forgotten_files_are_named_in_part() -> None:
    """A hint names five files, and says how many more there are."""
    ids = [f"800{index}" for index in range(8)]
    listed, files = live(*map(live_agent, ids)), {id_: f"{id_}.yaml" for id_ in ids}
    (rail,) = make_plan(desired(agent("9000")), listed, {}, Policy(), files).guardrails
    assert "8004.yaml and 3 more," in rail.hint


def test_a_flag_lets_the_agents_of_a_forgotten_file_go() -> None:
    """The flag allows the deletes, and stands in the plan and its digest even where nobody is forgotten."""
    (rail,) = forgetting(Policy(allow_forgotten=True)).guardrails
    assert (rail.rule, rail.planned, rail.allowed, rail.set_by, rail.ok) == ("forgottenFiles", 3, 3, "flag", True)
    (rail,) = forgetting(Policy(allow_forgotten=True), {}).guardrails
    assert (rail.planned, rail.allowed, rail.set_by) == (0, 0, "flag")
    assert digest(forgetting(forgotten={})) != digest(forgetting(Policy(allow_forgotten=True), {}))
    assert digest(forgetting(forgotten={})) != digest(forgetting())


def test_a_limit_that_is_named_holds_below_ten() -> None:
    """With few live agents only the default is silent."""
    assert rails(deletes(1, 1, max_deletes="0")) == [("maxDeletes", "0", 0, 1, False)]
    assert rails(deletes(1, 1, Policy(max_deletes=Limit("49%")))) == [("maxDeletes", "49%", 0, 1, False)]


def replaces(policy: Policy) -> Plan:
    """A plan that replaces one agent, deletes one, edits one and leaves one."""
    wanted = desired(agent("8001", email="n"), agent("8003", name="n"), agent("8004"), max_deletes="1")
    return planned(wanted, live(*(live_agent(f"800{index}") for index in (1, 2, 3, 4))), policy=policy)


def test_a_replace_is_also_a_delete() -> None:
    """A replaced agent is gone for a while, and counts; one that is blocked does not."""
    (rail,) = replaces(Policy(allow_replace=True)).guardrails
    assert (rail.planned, rail.operator_ids, rail.ok) == (2, ("8001", "8002"), False)
    (rail,) = replaces(Policy()).guardrails
    assert (rail.planned, rail.operator_ids, rail.ok) == (1, ("8002",), True)


@pytest.mark.parametrize(
    ("file", "flag", "expected"),
    [
        (None, None, None),
        ("3", None, ("3", 3, True)),
        ("2", None, ("2", 2, False)),
        ("75%", None, ("75%", 3, True)),
        ("3", "2", ("2", 2, False)),
        (None, "50%", ("50%", 2, False)),
    ],
)
def test_every_action_is_a_change(file: str | None, flag: str | None, expected: tuple[str, int, bool] | None) -> None:
    """`maxChanges` counts every action that is not blocked, has no default, and is overridden like the other."""
    wanted = desired(
        *(agent("8001", email="n"), agent("8003", name="n"), agent("8004"), agent("8005")), max_changes=file
    )
    listed = live(*(live_agent(f"800{index}") for index in (1, 2, 3, 4)))
    policy = Policy(max_changes=None if flag is None else Limit(flag))
    found = [rail for rail in planned(wanted, listed, policy=policy).guardrails if rail.rule == "maxChanges"]
    assert [(rail.limit, rail.allowed, rail.ok) for rail in found] == ([expected] if expected else [])
    assert all(rail.operator_ids == ("8002", "8003", "8005") for rail in found)


def test_a_file_without_agents_deletes_nobody() -> None:
    """An empty file is refused as soon as it would delete, however few, and whatever the other limits say."""
    plan = planned(desired(), live(live_agent("8001")), policy=Policy(max_deletes=Limit("100%")))
    assert rails(plan) == [("maxDeletes", "100%", 1, 1, True), ("emptyDesired", "0", 0, 1, False)]
    assert plan.refused


@pytest.mark.parametrize(
    "plan",
    [
        planned(desired(), live()),
        planned(desired(prune=False), live(live_agent("8001"))),
        planned(desired(protect=("*",)), live(live_agent("8001"))),
        planned(desired(scope=("9*",)), live(live_agent("8001"))),
        planned(desired(), live(live_agent("8001"), complete=False)),
        planned(desired(agent("8002")), live(live_agent("8001"))),
    ],
    ids=["nobody", "no prune", "protected", "out of scope", "incomplete", "one agent"],
)
def test_an_empty_file_that_deletes_nobody_is_well(plan: Plan) -> None:
    """Where nothing would be deleted, or the file has an agent, there is nothing to guard."""
    assert plan.guardrails == ()
    assert not plan.refused


LIVE_IDS = ("8001", "8010", "adm01", "9001 ")


@pytest.mark.parametrize(
    ("new", "twin"),
    [
        *(("8O01", "8001"), ("80O1", "8001"), ("8ol0", "8010"), ("8OI0", "8010"), ("ADM01", "adm01")),
        *(("admOl", "adm01"), ("9001", "9001 "), ("8011", ""), ("adm02", ""), ("08001", "")),
    ],
)
def test_a_new_agent_may_not_look_like_a_live_one(new: str, twin: str) -> None:
    """Whether the live one goes, stays or is out of scope; the hint names both and what differs, and the way on."""
    listed = live(*(live_agent(id_) for id_ in LIVE_IDS))
    for wanted in (desired(agent(new)), desired(agent(new), prune=False), desired(agent(new), scope=(new,))):
        found = [rail for rail in planned(wanted, listed).guardrails if rail.rule == "lookalikes"]
        assert [(rail.limit, rail.allowed, rail.operator_ids, rail.set_by, rail.ok) for rail in found] == (
            [("0", 0, (new,), "default", False)] if twin else []
        )
        for rail in found:
            assert rail.hint.startswith(f"{new} looks like {twin}: {difference(new, twin)}: write the id")
            assert "--allow-lookalikes" in rail.hint
            assert "guardrails.lookalikes" in rail.hint


def test_an_agent_that_is_live_is_no_lookalike() -> None:
    """Neither one that changes nor one that is replaced, though another live agent has its look."""
    listed = live(live_agent("8001"), live_agent("8O01"))
    wanted = desired(agent("8001", name="n"), agent("8O01", email="n"), lookalikes=1, max_deletes="100%")
    assert rails(planned(wanted, listed, policy=Policy(allow_replace=True)))[1:] == [("lookalikes", "1", 1, 0, True)]


def test_lookalikes_are_allowed_by_the_file_or_a_flag() -> None:
    """The file says how many; the flag allows those of the plan; and each stands in the plan, with who allowed it."""
    listed = live(live_agent("8001"), live_agent("8002"))
    new = [agent(id_) for id_ in ("8001", "8002", "8O01", "8O02")]
    assert rails(planned(desired(*new, lookalikes=1), listed)) == [("lookalikes", "1", 1, 2, False)]
    assert rails(planned(desired(*new, lookalikes=2), listed)) == [("lookalikes", "2", 2, 2, True)]
    plan = planned(desired(*new), listed, policy=Policy(allow_lookalikes=True))
    assert rails(plan) == [("lookalikes", "2", 2, 2, True)]
    assert [rail.set_by for rail in plan.guardrails] == ["flag"]
    assert digest(plan) != digest(planned(desired(*new), listed))
    assert rails(planned(desired(), live(), policy=Policy(allow_lookalikes=True))) == [("lookalikes", "0", 0, 0, True)]


def test_of_many_lookalikes_some_are_explained() -> None:
    """The hint explains three pairs and says how many more there are; the guardrail names all."""
    ids = [f"8O0{index}" for index in range(5)]
    (rail,) = planned(desired(*map(agent, ids)), live(*(live_agent(f"800{index}") for index in range(5)))).guardrails
    assert rail.operator_ids == tuple(ids)
    assert rail.hint.count("looks like") == 3
    assert "; and 2 more: write the id as the live agent has it" in rail.hint


def test_a_tripped_guardrail_says_what_to_do() -> None:
    """Each limit names its setting in the file and on the command line."""
    fields: dict[str, Value] = {"name": "n"}
    wanted = desired(agent("8001", **fields), max_deletes="0", max_changes="0")
    plan = planned(wanted, live(live_agent("8001"), live_agent("8002")))
    assert plan.guardrails == (
        Guardrail(
            *("maxDeletes", "0", 0, 1, ("8002",)),
            Text(
                "to keep them, put them back into the file (export writes them), protect them, or set prune: false; if "
                "they are really to go, raise guardrails.maxDeletes in the file or pass --max-deletes"
            ),
            "file",
        ),
        Guardrail(
            *("maxChanges", "0", 0, 2, ("8001", "8002")),
            Text(
                "apply a part of it first with --target; if so much is really to change, raise guardrails.maxChanges "
                "in the file or pass --max-changes"
            ),
            "file",
        ),
    )
