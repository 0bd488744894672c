"""Who runs an apply."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Who ran an apply, the address of the pipeline's page, and the commit of the files; empty where nobody says."""

    actor: str = ""
    pipeline: str = ""
    commit: str = ""
