"""Which files git tracks. What it tracks, whoever proposes a change can bring."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconciler.core.model.message import Text, text, verbatim
from reconciler.errors import Declined
from reconciler.files.child_environment import bare

_TIMEOUT: Final = 60.0
"""Seconds that git may take."""
_OPTIONS: Final = (
    *("--no-pager", "--no-replace-objects", "-c", "core.fsmonitor=false", "-c", "safe.directory=*"),
    # A bare repository that somebody committed as files answers for nothing.
    *("-c", "safe.bareRepository=explicit"),
)


def tracked(path: Path) -> list[str]:
    """What git tracks at a path or below it, whatever the case of its letters; empty outside of a work tree.

    The names are seen from the folder of the path, whose links are followed.

    Raises:
        Declined: the path lies in a work tree, and git cannot say.
    """
    folder = Path(os.path.realpath(path.parent))
    if not folder.is_dir() or not any(os.path.lexists(each / ".git") for each in (folder, *folder.parents)):
        return []
    out = _git(folder, "ls-files", "-z", "--cached", "--", f":(icase,literal){path.name}")
    return [os.fsdecode(name) for name in out.split(b"\0")[:-1]]


def _git(folder: Path, *arguments: str) -> bytes:
    environment = {**bare(os.environ), "GIT_OPTIONAL_LOCKS": "0", "GIT_DISCOVERY_ACROSS_FILESYSTEM": "1", "LC_ALL": "C"}
    command: Sequence[str] = ["git", *_OPTIONS, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=environment, timeout=_TIMEOUT
        )
    except FileNotFoundError:
        raise _unknown(folder, text("git is not installed")) from None
    except (OSError, ValueError) as error:
        raise _unknown(folder, verbatim(getattr(error, "strerror", None) or str(error))) from None
    except subprocess.TimeoutExpired:
        raise _unknown(folder, text("git did not answer within {seconds:g} seconds", seconds=_TIMEOUT)) from None
    if done.returncode:
        raise _unknown(folder, verbatim(done.stderr.decode("utf-8", "replace").strip()))
    return done.stdout


def _unknown(folder: Path, why: Text) -> Declined:
    message = text("nobody can say whether git tracks what lies in {folder}: {why}", folder=folder, why=why)
    return Declined(
        "untrusted-books", message, text("mend that, or keep the ledger elsewhere with --ledger; nothing was read")
    )
