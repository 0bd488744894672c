"""Installs the wheel alone in clean environments, and has each do the demo; nothing of the checkout is imported.

python -m release.clean_install            with requirements-run.txt, on each supported Python that is here
python -m release.clean_install --lowest   with requirements-lowest.txt, on the lowest Python
python -m release.clean_install --sbom     write what the wheel and its extras install to dist/sbom.cdx.json
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from release.distributions import ROOT, build

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
LOWEST: Final = ROOT / "requirements-lowest.txt"
RUN: Final = ROOT / "requirements-run.txt"
_SEEN: Final = "import reconciler, apprise, pyrage, jinja2, obstore, python_calamine; print(reconciler.__file__)"


def interpreters() -> dict[str, str]:
    """The Pythons that are here, by version: on the path, or beside the others of pyenv."""
    found: dict[str, str] = {}
    for version in PYTHONS:
        beside = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*"))
        for python in (f"python{version}", *(str(folder / "bin/python") for folder in reversed(beside))):
            if _version(python) == version:
                found[version] = python
                break
    return found


def _version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def install(python: str, wheel: Path, folder: Path, *, lowest: bool = False) -> Path:
    """Make an environment in the folder with the wheel and all its extras; returns its Python.

    Raises:
        subprocess.CalledProcessError: it cannot be installed.
    """
    _run(python, "-m", "venv", str(folder))
    made = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    pip = (made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")
    _run(*pip, "--require-hashes", "-r", str(LOWEST if lowest else RUN))
    _run(*pip, "--no-deps", str(wheel))
    _run(made, "-m", "pip", "--disable-pip-version-check", "check")
    return Path(made)


def prove(python: Path) -> None:
    """Have an environment do the demo, far from the checkout.

    Raises:
        subprocess.CalledProcessError: a step failed.
        AssertionError: the package comes from elsewhere, or the demo did not come to its end.
    """
    with tempfile.TemporaryDirectory() as folder:
        where = _run(str(python), "-c", _SEEN, folder=folder)
        assert "site-packages" in where, where
        said = _run(str(python.parent / "reconciler"), "demo", folder=folder)
        assert "Nothing to change" in said, said


def _run(*command: str, folder: str | None = None) -> str:
    # Neither the checkout nor somebody's settings get in by a variable.
    environment: Mapping[str, str] = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RECONCILER_"))
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()
    return done.stdout


def _legs(arguments: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Name, interpreter, and whether the lowest versions are to be installed."""
    if "--lowest" in arguments:
        yield f"lowest versions, Python {PYTHONS[0]}", interpreters().get(PYTHONS[0], sys.executable), True
    elif "--sbom" in arguments:
        yield "all extras", sys.executable, False
    else:
        yield from ((f"Python {version}", python, False) for version, python in interpreters().items())


def main(arguments: list[str]) -> int:
    """Do what the command line asks for; an error shows what failed."""
    with tempfile.TemporaryDirectory() as folder:
        wheel, _ = build(Path(folder))
        for name, interpreter, lowest in _legs(arguments):
            begun = time.monotonic()
            with tempfile.TemporaryDirectory() as environment:
                python = install(interpreter, wheel, Path(environment), lowest=lowest)
                if "--sbom" in arguments:
                    _sbom(python)
                else:
                    prove(python)
            sys.stdout.write(f"wheel in a clean environment, {name}: passed in {time.monotonic() - begun:.0f} s\n")
            sys.stdout.flush()
    return 0


def _sbom(python: Path) -> None:
    """Write the bill of materials of an environment; the same environment gives the same bytes."""
    (ROOT / "dist").mkdir(exist_ok=True)
    # What made the environment is no part of it.
    _run(str(python), "-m", "pip", "uninstall", "--yes", "--quiet", "pip", "setuptools")
    _run(
        *(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON"),
        *("--pyproject", str(ROOT / "pyproject.toml"), "--output-file", str(ROOT / "dist/sbom.cdx.json"), str(python)),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
