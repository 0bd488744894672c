"""The report that GitLab's merge request widget reads (`artifacts:reports:terraform`): three numbers, and no text.

A replace counts as a create and as a delete, as in Terraform's reports: GitLab counts the `actions` of each resource in
a plan, and those of a replaced one are `["delete", "create"]`. A new password is an update. A blocked action counts
nowhere. GitLab ignores the key `offline` of a plan that is not held against the live side.
"""

from __future__ import annotations

import json

from reconciler.core.model.plan import Plan
from reconciler.render.heading import Heading


def plan(plan: Plan, _heading: Heading) -> str:
    """The report: a JSON object of `create`, `update` and `delete`."""
    count = plan.summary
    report = {
        "create": count["create"] + count["replace"],
        "update": count["edit"] + count["password"],
        "delete": count["delete"] + count["replace"],
    }
    return json.dumps({**report, **({"offline": True} if plan.offline else {})}) + "\n"
