"""A repository with a merge in it, the sandbox as main has it, and a GitHub with nothing on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.sandbox.server import Box
from tests.ci.events import AFTER, APPLIES, COMMENTS, REPOSITORY
from tests.ci.repository import NAMES, Merge, agents, git, merge
from tests.ci.runner import Runner
from tests.credentials.keys import Key, age_key
from tests.process import TOKEN, Workplace


@pytest.fixture
def key(tmp_path: Path) -> Key:
    """Whom the credentials are for."""
    return age_key(tmp_path)


@pytest.fixture
def place(tmp_path: Path, box: Box) -> Workplace:
    """The checkout, and the sandbox as main has it."""
    (tmp_path / "checkout").mkdir()
    box.store.reset([{"operatorId": operator_id, "name": name} for operator_id, name in NAMES.items()])
    return Workplace(tmp_path / "checkout", box.url)


@pytest.fixture
def merged(place: Workplace, key: Key) -> Merge:
    """A pull request, merged."""
    made = merge(place, agents(key.recipient, NAMES), agents(key.recipient, AFTER))
    git(place.folder, "init", "--quiet", "--bare", "../origin.git")
    git(place.folder, "remote", "add", "origin", "../origin.git")
    return made


@pytest.fixture
def runner(tmp_path: Path, place: Workplace, merged: Merge) -> Runner:
    """GitHub, with nothing on it yet."""
    settings = {"RECONCILER_ENDPOINT": place.endpoint}
    github = {
        "repository": REPOSITORY,
        "sha": merged.merged,
        "ref": "refs/heads/main",
        "server_url": "https://git.example",
        "token": "fake-token",
        "run_attempt": "1",
    }
    runner = Runner(
        tmp_path / "github", place, {"github": github, "vars": settings, "secrets": {"RECONCILER_TOKEN": TOKEN}}
    )
    runner.answer({COMMENTS: [], APPLIES: {"workflow_runs": []}})
    return runner
