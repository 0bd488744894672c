"""Desired-state files by a name that the ledger keeps: every checkout, and every folder to work in, gives the same one.

A name is seen from the root of the git repository; outside of one, from the folder of the ledger.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.core.model.desired import DesiredState


def base_of(file: Path, ledger_folder: Path) -> Path:
    """The folder from which names are seen: the root of the repository that holds `file`, else the ledger's folder."""
    real = Path(os.path.realpath(file))
    return next((folder for folder in (real, *real.parents) if (folder / ".git").exists()), ledger_folder)


def standing_name(file: str, base: Path) -> str:
    """The name of a file, with links followed and slashes between its parts."""
    real = os.path.realpath(file)
    try:
        return Path(os.path.relpath(real, os.path.realpath(base))).as_posix()
    except ValueError:  # Windows knows no way from one drive to another
        return Path(real).as_posix()


def by_file(desired: DesiredState, base: Path) -> dict[str, list[str]]:
    """The agents of each file, also of one that holds nobody."""
    names = {file: standing_name(file, base) for file in desired.files}
    agents: dict[str, list[str]] = {name: [] for name in names.values()}
    for agent in desired.agents:
        agents[names[agent.place.file]].append(agent.operator_id)
    return agents


def forgotten(files: Mapping[str, str], given: Iterable[str], base: Path) -> dict[str, str]:
    """The agents whose file, by the name in `files`, is there and is none of the given ones.

    Each with that file as somebody would name it who works in the present folder.
    """
    known = {os.path.realpath(file) for file in given}
    paths = {name: os.path.realpath(base / name) for name in set(files.values())}
    found = {
        name: standing_name(path, Path()) for name, path in paths.items() if path not in known and Path(path).is_file()
    }
    return {operator_id: found[name] for operator_id, name in files.items() if name in found}
