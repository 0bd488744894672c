"""Who runs this command, and where: as the pipeline's variables say, else the operating system and git."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.core.model.run import RunOrigin
from reconciler.ledger.git_command import head_of
from reconciler.ledger.lock import who_we_are

_PIPELINES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]] = {
    "GITHUB_ACTIONS": (("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"), (), ("GITHUB_SHA",)),
    "GITLAB_CI": (("GITLAB_USER_LOGIN",), ("CI_PIPELINE_URL", "CI_JOB_URL"), ("CI_COMMIT_SHA",)),
    "JENKINS_URL": (("BUILD_USER_ID", "BUILD_USER", "CHANGE_AUTHOR"), ("BUILD_URL",), ("GIT_COMMIT",)),
    "GITEE_PIPELINE_NAME": (("GITEE_PIPELINE_TRIGGER_USER",), (), ("GITEE_COMMIT",)),
}
"""By the variable that tells the pipeline: those of actor, address and commit; the first one that is set counts."""


def run_origin(environment: Mapping[str, str], folder: Path) -> RunOrigin:
    """Who runs the command with the files in this folder. `RECONCILER_ACTOR` names somebody else as the actor."""
    actor, _, commit = _told(environment)
    return RunOrigin(
        environment.get("RECONCILER_ACTOR") or actor or who_we_are(),
        pipeline_page(environment),
        commit or head_of(folder),
    )


def pipeline_page(environment: Mapping[str, str]) -> str:
    """The address of the pipeline's page, or on Gitee its name and number; empty where no pipeline runs."""
    return _told(environment)[1] or _github_page(environment) or _gitee_build(environment)


def _told(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The actor, the address and the commit that the variables of a pipeline tell; empty for what they do not."""
    known = next((names for sign, names in _PIPELINES.items() if environment.get(sign)), ((), (), ()))
    return tuple(next((value for name in names if (value := environment.get(name))), "") for names in known)


def _github_page(environment: Mapping[str, str]) -> str:
    parts = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else ""


def _gitee_build(environment: Mapping[str, str]) -> str:
    """Gitee Go tells no address: the pipeline and its number."""
    name, number = environment.get("GITEE_PIPELINE_NAME", ""), environment.get("GITEE_PIPELINE_BUILD_NUMBER", "")
    return f"{name} #{number}" if name and number else ""
