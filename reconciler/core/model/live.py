"""What is there: the live state, the ledger's record, and what differs from what is asked for. Facts, no acts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.model.fields import Value


@dataclass(frozen=True, slots=True)
class LiveAgent:
    """An agent as the vendor lists it: canonical values of every listed field, and no secret."""

    operator_id: str
    fields: Mapping[str, Value]

    @property
    def sha256(self) -> str:
        """A fingerprint of everything that is listed of the agent, secrets apart."""
        listed = json.dumps([self.operator_id, dict(self.fields)], sort_keys=True)
        return hashlib.sha256(listed.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LiveState:
    """The listing, and the vendor it came from. From one that is not `complete`, nothing may be deleted."""

    agents: Mapping[str, LiveAgent]
    complete: bool = True
    endpoint: str = ""
