"""Desired-state files changed in place, comments and order kept: spelt canonically, or with agents merged in."""

from __future__ import annotations

from reconciler.edit.choice import Choice, drift_of, only_chosen
from reconciler.edit.formatting import fmt
from reconciler.edit.merge import merge_live, merge_sheet

__all__ = ["Choice", "drift_of", "fmt", "merge_live", "merge_sheet", "only_chosen"]
