"""A repository with one merge waiting: what main says, what a branch makes of it, and the two merged."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.process import Workplace

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\n"
NAMES = {"8001": "张三", "8002": "李四", "8003": "王五"}


def agents(recipient: str, names: dict[str, str]) -> str:
    """A file of agents with these names."""
    lines = [f'  - {{operatorId: "{operator_id}", name: {name}}}\n' for operator_id, name in names.items()]
    return f"{HEAD}recipients: [{recipient}]\nagents:\n{''.join(lines)}"


@dataclass(frozen=True, slots=True)
class Merge:
    """The commits: main as it was, the head of the branch, and the merge, which is checked out."""

    base: str
    head: str
    merged: str


def merge(place: Workplace, before: str, after: str) -> Merge:
    """Make the repository in the place, whose folder must be empty; the file says `before` on main, `after` merged."""
    git(place.folder, "init", "--quiet", "--initial-branch=main")
    base = _commit(place, before)
    git(place.folder, "switch", "--quiet", "--create", "change")
    head = _commit(place, after)
    git(place.folder, "switch", "--quiet", "main")
    git(place.folder, "merge", "--quiet", "--no-ff", "--no-edit", "change")
    return Merge(base, head, git(place.folder, "rev-parse", "HEAD"))


def _commit(place: Workplace, text: str) -> str:
    place.write(text)
    git(place.folder, "add", "agents.yaml")
    git(place.folder, "commit", "--quiet", "--message", "change")
    return git(place.folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """What git prints; nobody's configuration is read."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
