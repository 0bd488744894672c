"""A plan of files alone: the desired state of before stands where the live side would."""

from __future__ import annotations

from reconciler.core.model.desired import Policy
from reconciler.core.planning.offline import offline_plan
from reconciler.core.saved.plan_json import plan_document
from reconciler.core.saved.plan_schema import plan_validator
from tests.core.build import act, acts, agent, desired, env


def test_what_was_not_managed_is_not_known() -> None:
    """Values and versions of before are known, write-only ones too; nothing is told of whom no file ever named."""
    before = desired(agent("8001", env(1), name="a", roleName="r"), agent("8002", None, name="b"))
    after = desired(agent("8001", env(2), name="b", roleName="s", mainGroupName="g"), max_deletes="1")
    plan = offline_plan(before, after, Policy())
    assert acts(plan) == [("8001", "edit"), ("8001", "password"), ("8002", "delete")]
    known = {change.field: (change.before, change.before_known) for change in act(plan, "8001", "edit").changes}
    assert known == {"name": ("a", True), "roleName": ("r", True), "mainGroupName": (None, False)}
    assert [guardrail.rule for guardrail in plan.guardrails] == ["maxDeletes"]
    document = plan_document(plan, "1", "2026-11-29T00:00:00Z")
    assert plan_validator().is_valid(document)
    assert "digest" not in document
