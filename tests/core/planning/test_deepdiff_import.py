"""DeepDiff comes without the libraries whose values it would know: they cost more than all else that it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOREIGN = {"numpy": "numpy", "pandas": "pandas", "polars": "polars", "pydantic": "pydantic.main"}
"""By the package what DeepDiff imports of it."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder where each of them is installed, and notes that it was imported."""
    for package, module in FOREIGN.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        note = f"import builtins\nvars(builtins).setdefault('noted', []).append({package!r})\nraise ImportError\n"
        path = tmp_path.joinpath(*module.split("."))
        (path.with_suffix(".py") if "." in module else path / "__init__.py").write_text(note)
    return tmp_path


def noted(installed: Path, code: str) -> list[str]:
    """Whom the code imports, by its notes, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(installed)!r})\n{code}\n"
         "import builtins, json\nprint(json.dumps(vars(builtins).get('noted', [])))"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    seen: list[str] = json.loads(done.stdout)
    return seen


LOADED = "from reconciler.core.planning.diff import load_deepdiff\nDeepDiff = load_deepdiff()\n"


def test_it_brings_none_of_them(installed: Path) -> None:
    """The narrowed DeepDiff imports none of them, and compares all the same."""
    compared = "assert DeepDiff({1: 'a', 2: 'b'}, {1: 'a', 2: 'c'}).affected_root_keys == {2}"
    assert noted(installed, LOADED + compared) == []


def test_alone_it_would_bring_them(installed: Path) -> None:
    """Without the narrowing it imports what is costly: when it no longer does, the narrowing can go."""
    assert {"numpy", "pydantic"} <= set(noted(installed, "import deepdiff"))


@pytest.mark.parametrize("module", FOREIGN.values())
def test_others_can_import_them(installed: Path, module: str) -> None:
    """Who imports one of them later gets it."""
    later = f"{LOADED}try:\n import {module}\nexcept ModuleNotFoundError:\n raise\nexcept ImportError:\n pass"
    assert noted(installed, later) == [module.partition(".")[0]]


def test_who_has_imported_one_before_keeps_it(installed: Path) -> None:
    """What was imported before stays."""
    before = "import types\nsys.modules['pydantic.main'] = known = types.SimpleNamespace(BaseModel=type)\n"
    assert noted(installed, f"{before}{LOADED}assert sys.modules['pydantic.main'] is known") == []
