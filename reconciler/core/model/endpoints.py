"""The vendor's six agent endpoints (reference, chapter 2.1), one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "/api/v1/config/openapi/agent/"

EndpointName = Literal["create", "edit", "delete", "one", "page", "password"]
DataShape = Literal["none", "object", "list"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: its path, whether it writes, the shape of `data` in a good answer, and its section.

    `idempotent` says whether sending the same body twice leaves the same state as sending it once. Nobody repeats a
    write that is not idempotent without first reading whether it took effect.
    """

    name: EndpointName
    path: str
    writes: bool
    idempotent: bool
    data: DataShape
    section: str


ENDPOINTS: Final[dict[EndpointName, Endpoint]] = {
    row.name: row
    for row in (
        Endpoint("create", PREFIX + "create/v2", writes=True, idempotent=False, data="list", section="2.1.1"),
        Endpoint("edit", PREFIX + "edit/v2", writes=True, idempotent=True, data="object", section="2.1.2"),
        Endpoint("delete", PREFIX + "del/v2", writes=True, idempotent=True, data="none", section="2.1.3"),
        Endpoint("one", PREFIX + "one/v2", writes=False, idempotent=True, data="object", section="2.1.4"),
        Endpoint("page", PREFIX + "page", writes=False, idempotent=True, data="object", section="2.1.5"),
        Endpoint("password", PREFIX + "editPwd", writes=True, idempotent=True, data="none", section="2.1.6"),
    )
}

PAGE_SIZE: Final = 100
"""Rows on one page: the maximum of 2.1.5."""

MAX_BATCH: Final = 1000
"""Agents that one create call makes at most (2.1.1, `batchSize`)."""

MAX_DELETE_LIST: Final = 100
"""Agents that one delete call names at most. 2.1.3 sets no limit; a person can still review a list this long."""
