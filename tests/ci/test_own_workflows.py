"""The project's own workflows and scripts pass the same linters as the examples."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.ci import linters
from tests.ci.runner import scripts

ROOT: Final = Path(__file__).parents[2]
OURS: Final = sorted((ROOT / ".github/workflows").glob("*.yml"))
BASH: Final = [pytest.param(script, id=f"{path.stem}: {name}") for path in OURS for name, script in scripts(path)]


@pytest.mark.skipif(bool(linters.missing_actionlint()), reason=linters.missing_actionlint())
def test_actionlint_finds_nothing() -> None:
    """Every workflow is understood by actionlint."""
    assert linters.actionlint(OURS) == []


def test_zizmor_finds_nothing() -> None:
    """Seen by zizmor there is no way in."""
    assert linters.zizmor(OURS) == []


@pytest.mark.exhaustive(2)
@pytest.mark.parametrize("name", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_workflows_fit_the_published_schema(name: str) -> None:
    """Every workflow fits GitHub's schema, and every job has a time after which it ends."""
    assert linters.schema(name, OURS) == []


@pytest.mark.parametrize("script", BASH)
def test_shellcheck_finds_nothing_in_a_step(script: str) -> None:
    """Every `run:` is clean bash, and nothing is written into it."""
    assert linters.shellcheck(script) == []
    assert "${{" not in script


def test_shellcheck_finds_nothing_in_the_gate() -> None:
    """The gate's own script is clean bash."""
    assert linters.shellcheck((ROOT / ".ci/run").read_text(encoding="utf-8")) == []


def test_shellcheck_finds_what_is_planted() -> None:
    """A variable without quotes is found."""
    assert "SC2086" in "\n".join(linters.shellcheck("#!/bin/bash\nrm -r $1\n"))
