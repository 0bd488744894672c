"""The live state: the agents as the vendor lists them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.core.model.fields import Value


class Identity(NamedTuple):
    """What tells an agent from another one under its number: the vendor's own `id` and `ctime`, where it tells them."""

    vendor_id: int | None = None
    created: int | None = None


@dataclass(frozen=True, slots=True)
class LiveAgent:
    """An agent as the vendor lists it (2.1.4, 2.1.5): canonical values of every listed field, and no secret.

    `vendor_id` and `created` are the vendor's own `id` and `ctime`: evidence of who made it, and never compared. Nor is
    `company`, the `companyId` of its row, which is empty where the row tells none.
    """

    operator_id: str
    fields: Mapping[str, Value]
    vendor_id: int | None = field(default=None, compare=False)
    created: int | None = field(default=None, compare=False)
    company: str = field(default="", compare=False)

    @property
    def identity(self) -> Identity:
        """What tells it from another agent under its number."""
        return Identity(self.vendor_id, self.created)

    @property
    def sha256(self) -> str:
        """A fingerprint of the id and every listed field, in hex."""
        text = json.dumps([self.operator_id, dict(self.fields)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LiveState:
    """The listed agents by id, and the endpoint they come from. If it is not `complete`, the plan deletes nothing.

    `asked`: the ids that were asked for, where not everybody was looked at; `total` is then how many agents there are.
    """

    agents: Mapping[str, LiveAgent]
    complete: bool = True
    endpoint: str = ""
    asked: frozenset[str] | None = None
    total: int = 0

    @property
    def count(self) -> int:
        """How many agents there are."""
        return len(self.agents) if self.asked is None else self.total

    @property
    def largest_id(self) -> int | None:
        """The vendor's largest `id`; `None` where it tells none."""
        return max((agent.vendor_id for agent in self.agents.values() if agent.vendor_id is not None), default=None)
