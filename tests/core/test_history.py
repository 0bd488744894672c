"""The record of a run: what stands in it, what does not, and what a plan tells from it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.history import (
    LONGEST,
    Deleted,
    begun_record,
    deleted_in,
    ended_record,
    is_record,
    restored_notes,
)
from reconciler.core.model.desired import PasswordSource, Policy
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.message import Text
from reconciler.core.model.plan import Note, Plan
from reconciler.core.model.report import ActionResult, Report
from reconciler.core.model.run import RunOrigin
from reconciler.core.planning.make_plan import make_plan
from tests.core.build import agent, desired, env, live, live_agent

ORIGIN = RunOrigin("li", "https://ci.example/7", "c0ffee")
LIVE = live(
    live_agent("8001", name="a", sipNumber="60001"), live_agent("8002", name="old"), live_agent("8003", email="x@y.z")
)
LEDGER = {"8001": LedgerEntry(2, {"roleName": "客服"}), "8004": LedgerEntry(1)}


def planned(*agents: Any, ledger: Any = LEDGER, allow_replace: bool = True) -> Plan:
    """The plan that these agents come to."""
    return make_plan(desired(*agents), LIVE, ledger, Policy(allow_replace=allow_replace))


def record_of(plan: Plan) -> dict[str, Any]:
    """Its record before the first call."""
    return begun_record("r1", "2026-11-22T10:00:00Z", ORIGIN, plan, "d1")


def test_a_record_says_who_what_and_from_where() -> None:
    """Run, time, actor, pipeline, commit, files, digest; of each action before, after, and an outcome not yet known."""
    plan = planned(agent("8002", env(3), name="new"), agent("8003", email="other@y.z"), agent("8005", name="n"))
    record = record_of(plan)
    head = {
        name: record[name] for name in ("run", "begun", "ended", "actor", "pipeline", "commit", "exit_code", "digest")
    }
    assert head == {
        "run": "r1", "begun": "2026-11-22T10:00:00Z", "ended": None, "actor": "li", "exit_code": None,
        "pipeline": "https://ci.example/7", "commit": "c0ffee", "digest": "d1",
    }  # fmt: skip
    told = {(each["operatorId"], each["action"]): (each["before"], each["after"]) for each in record["actions"]}
    assert told["8001", "delete"] == (
        {"name": "a", "sipNumber": "60001", "roleName": "客服", "passwordVersion": 2},
        {},
    )
    assert told["8002", "edit"] == ({"name": "old"}, {"name": "new"})
    assert told["8002", "password"] == ({}, {"passwordVersion": 3})
    assert told["8003", "replace"][0] == {"email": "x@y.z"}
    assert told["8003", "replace"][1]["email"] == "other@y.z"
    assert told["8005", "create"] == ({}, {"name": "n"})
    assert {each["outcome"] for each in record["actions"]} == {"unknown"}
    assert is_record(json.loads(json.dumps(record)))


def test_a_password_action_tells_the_version_before() -> None:
    """What was recorded, and what is set."""
    record = record_of(make_plan(desired(agent("8001", env(3))), LIVE, LEDGER, Policy()))
    (password,) = (each for each in record["actions"] if each["action"] == "password")
    assert (password["before"], password["after"]) == ({"passwordVersion": 2}, {"passwordVersion": 3})


def test_no_text_is_long() -> None:
    """Texts are bounded; what is blocked is no action of the run."""
    plan = planned(agent("8002", name="n" * 2000), agent("8003", email="other@y.z"), allow_replace=False)
    record = record_of(replace(plan, files=("f" * 2000,) * 1000))
    assert len(record["files"]) == 100
    assert max(map(len, record["files"])) == LONGEST + 1
    (edit,) = (each for each in record["actions"] if each["operatorId"] == "8002")
    assert len(edit["after"]["name"]) == LONGEST + 1
    assert "8003" not in {each["operatorId"] for each in record["actions"]}


def test_the_end_tells_the_outcomes() -> None:
    """Done, partly, failed, skipped as in the report; unknown where a call was lost and the action is not done."""
    agents = [agent(f"90{number:02}", name="n") for number in range(6)]
    plan = make_plan(desired(*agents), live(), {}, Policy())
    outcomes = ("done", "partly", "failed", "skipped", "failed", "done")
    results = tuple(ActionResult(action, outcome) for action, outcome in zip(plan.actions, outcomes, strict=True))  # type: ignore[arg-type]
    ended = ended_record(
        record_of(plan),
        "2026-11-22T10:05:00Z",
        Report(results),
        {("create", "9004"), ("create", "9005"), ("edit", "9003")},
    )
    assert [each["outcome"] for each in ended["actions"]] == [*outcomes[:4], "unknown", "done"]
    assert (ended["ended"], ended["exit_code"]) == ("2026-11-22T10:05:00Z", 4)
    none_told = ended_record(record_of(plan), "", Report(()), ())
    assert {each["outcome"] for each in none_told["actions"]} == {"skipped"}


WHOLE = {"operatorId": "8001", "action": "delete", "outcome": "done", "before": {}, "after": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"format": "reconciler.history/2"},
        *({name: 7} for name in ("run", "begun", "actor", "pipeline", "commit", "digest", "actions")),
        *({"actions": [{**WHOLE, name: None}]} for name in WHOLE),
        {"actions": [7]},
    ],
)
def test_what_is_no_record(change: dict[str, Any]) -> None:
    """A damaged record, or one of a newer version, is none."""
    record = record_of(planned())
    assert is_record(record)
    assert not is_record({**record, **change})
    assert not is_record([record])


def test_what_a_deleted_agent_had() -> None:
    """A delete and a replace tell it, other actions and other agents do not; unknown fields are dropped."""
    record = record_of(planned(agent("8003", email="other@y.z"), agent("8005")))
    record["actions"][0]["before"]["later"] = 1
    found = deleted_in(record, "8001")
    assert found == Deleted("2026-11-22T10:00:00Z", {"name": "a", "sipNumber": "60001", "roleName": "客服"})
    assert deleted_in(record, "8003") == Deleted("2026-11-22T10:00:00Z", {"email": "x@y.z"})
    assert deleted_in(record, "8005") is None
    assert deleted_in(record, "8009") is None


GENERATED = PasswordSource("generate", "", 1)
HAD = {"name": "a", "roleName": "客服", "sipNumber": "60001", "ttscontent": "您好"}


@pytest.mark.parametrize(
    ("fields", "password", "had", "words"),
    [
        (
            {"name": "a"}, None, HAD,
            "it gets a new password and whatever role the vendor picks (it was 客服) and another SIP number "
            "(it was 60001); no file says ttscontent 您好, which it had",
        ),
        (
            {"name": "a"}, GENERATED, {},
            "it gets a new password and whatever role the vendor picks and another SIP number",
        ),
        (
            {"roleName": "客服", "sipNumber": "60001"}, env(1), HAD,
            "it gets the password that the file names; no file says name a, ttscontent 您好, which it had",
        ),
    ],
)  # fmt: skip
def test_what_a_restored_agent_has_lost(
    fields: dict[str, Any], password: PasswordSource | None, had: dict[str, Any], words: str
) -> None:
    """A new password, the role and the SIP number unless the file says them, and all else that it leaves out."""
    plan = make_plan(desired(agent("8101", password, **fields)), live(), {}, Policy())
    (note,) = restored_notes(plan, {"8101": Deleted("2026-11-22T10:00:00Z", had)})
    assert note == Note(Text(f"was deleted on 2026-11-22 and is made anew: {words}"), ("8101",))


def test_alike_losses_are_one_note() -> None:
    """Who loses the same stands in one note; who was never deleted, or is not created, in none."""
    plan = make_plan(desired(*(agent(f"810{n}") for n in range(4)), agent("8002")), LIVE, {}, Policy())
    deleted = {id_: Deleted("2026-11-22T10:00:00Z", {}) for id_ in ("8100", "8101", "8002", "9999")}
    assert [note.operator_ids for note in restored_notes(plan, deleted)] == [("8100", "8101")]
