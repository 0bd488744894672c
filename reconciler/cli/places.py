"""Turns paths into paths from the root of the repository, as GitHub and GitLab want them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.core.model.plan import Plan
    from reconciler.core.model.problem import Problem


def from_root(file: str, environment: Mapping[str, str]) -> str:
    """The path from the root that the pipeline's variable names, else from the working directory.

    It begins with `..` for a file outside the root. Links are resolved, since an annotation needs the file itself.
    """
    root = environment.get("GITHUB_WORKSPACE") or environment.get("CI_PROJECT_DIR") or "."
    return os.path.relpath(os.path.realpath(file), os.path.realpath(root)).replace(os.sep, "/")


def problems_from_root(problems: Sequence[Problem], environment: Mapping[str, str]) -> tuple[Problem, ...]:
    """The same problems, with their files as paths from the root."""
    paths = {file: from_root(file, environment) for file in {problem.place.file for problem in problems}}
    return tuple(replace(problem, place=replace(problem.place, file=paths[problem.place.file])) for problem in problems)


def plan_from_root(plan: Plan, environment: Mapping[str, str]) -> Plan:
    """The same plan, with its files as paths from the root; the digest does not depend on them."""
    files = {*plan.files, *(action.place.file for action in plan.actions if action.place)}
    paths = {file: from_root(file, environment) for file in files}
    actions = tuple(
        replace(action, place=replace(action.place, file=paths[action.place.file])) if action.place else action
        for action in plan.actions
    )
    return replace(plan, files=tuple(paths[file] for file in plan.files), actions=actions)
