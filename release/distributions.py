"""Builds the wheel and the source distribution, and says what speaks against publishing them."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler import __version__
from reconciler.about import HOME

ROOT: Final = Path(__file__).parents[1]
RESERVED: Final = (".example", ".invalid", ".test", ".localhost")
"""Endings of host names that lead nowhere (RFC 2606)."""


def build(folder: Path, root: Path = ROOT) -> tuple[Path, Path]:
    """Build into a folder that holds no other build; returns the wheel and the source distribution.

    Raises:
        subprocess.CalledProcessError: the build failed.
    """
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder.absolute())]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


def objections(folder: Path, root: Path = ROOT, home: str = HOME) -> Iterator[str]:
    """Build into the folder, and yield each reason not to publish what was built."""
    built = build(folder, root)
    with tempfile.TemporaryDirectory() as other:
        for first, second in zip(built, build(Path(other), root), strict=True):
            if first.read_bytes() != second.read_bytes():
                yield f"{first.name} has other bytes each time it is built"
    yield from _complaint("twine", "check", "--strict", *map(str, built))
    yield from _complaint("check_wheel_contents", str(built[0]))
    if (urlsplit(home).hostname or "").endswith(RESERVED):
        yield f"HOME in reconciler/about.py is {home}, which leads nowhere: put the project's address there"
    if not re.search(
        rf"^## \[{re.escape(__version__)}\] - \d{{4}}-", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    ):
        yield f"CHANGELOG.md has no dated section for {__version__}"
    pinned = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    locked = (root / "requirements.lock").read_text("utf-8")
    for requirement in pinned:
        if "==" not in requirement or f"\n{requirement} " not in locked:
            yield f"the build backend {requirement} is not the exact one of requirements.lock"


def _complaint(module: str, *arguments: str) -> Iterator[str]:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        yield f"{module}: {done.stdout}{done.stderr}"


def main() -> int:
    """Build into `dist/`; the exit code is 1 when something speaks against publishing it."""
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    for old in (*folder.glob("*.whl"), *folder.glob("*.tar.gz")):
        old.unlink()
    found = list(objections(folder))
    for objection in found:
        sys.stderr.write(f"not to be published: {objection}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
