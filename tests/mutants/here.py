"""A pytest plugin: ends the session unless every module of the project came from the folder that it was started in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

STRANGE = 90
"""The exit code where a module came from elsewhere; pytest has none above 5."""


def strangers(folder: Path) -> list[str]:
    """Files of modules of ours that do not lie below the folder."""
    names = [name for name in sys.modules if name.split(".")[0] in ("reconciler", "tests")]
    files = [Path(file).resolve() for name in names if (file := getattr(sys.modules[name], "__file__", None))]
    return [str(file) for file in files if not file.is_relative_to(folder)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Whatever the tests said, it does not count when they looked at other source."""
    if elsewhere := strangers(Path.cwd().resolve()):
        session.exitstatus = STRANGE
        sys.stderr.write(f"not from the copy: {elsewhere[0]}\n")
