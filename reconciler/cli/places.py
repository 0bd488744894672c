"""Files as seen from the root of the repository, which is how GitHub and GitLab know them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.core.model.plan import Plan
    from reconciler.core.model.problem import Problem


def from_root(file: str, environment: Mapping[str, str]) -> str:
    """A file's way from the root that the pipeline names, or else from the working directory; `..` where it is outside.

    Links are followed: a line is annotated where it stands.
    """
    root = environment.get("GITHUB_WORKSPACE") or environment.get("CI_PROJECT_DIR") or "."
    return os.path.relpath(os.path.realpath(file), os.path.realpath(root)).replace(os.sep, "/")


def problems_from_root(found: Sequence[Problem], environment: Mapping[str, str]) -> tuple[Problem, ...]:
    """The same problems, their files as seen from the root."""
    ways = {file: from_root(file, environment) for file in {problem.place.file for problem in found}}
    return tuple(replace(each, place=replace(each.place, file=ways[each.place.file])) for each in found)


def plan_from_root(plan: Plan, environment: Mapping[str, str]) -> Plan:
    """The same plan, its files as seen from the root; its digest does not depend on them."""
    files = {*plan.files, *(action.place.file for action in plan.actions if action.place)}
    ways = {file: from_root(file, environment) for file in files}
    actions = tuple(
        replace(action, place=replace(action.place, file=ways[action.place.file])) if action.place else action
        for action in plan.actions
    )
    return replace(plan, files=tuple(ways[file] for file in plan.files), actions=actions)
