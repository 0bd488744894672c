"""The vendor's six agent endpoints (reference, chapter 2.1), one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "/api/v1/config/openapi/agent/"

EndpointName = Literal["create", "edit", "delete", "one", "page", "password"]
DataShape = Literal["none", "object", "list"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: where it is, whether it writes, and what a good answer's `data` is.

    `repeatable` says whether sending the same body twice ends in the same state as sending it once;
    a write that is not repeatable is never repeated without looking first.
    """

    name: EndpointName
    path: str
    writes: bool
    repeatable: bool
    data: DataShape
    section: str


ENDPOINTS: Final[dict[EndpointName, Endpoint]] = {
    row.name: row
    for row in (
        Endpoint("create", PREFIX + "create/v2", writes=True, repeatable=False, data="list", section="2.1.1"),
        Endpoint("edit", PREFIX + "edit/v2", writes=True, repeatable=True, data="object", section="2.1.2"),
        Endpoint("delete", PREFIX + "del/v2", writes=True, repeatable=True, data="none", section="2.1.3"),
        Endpoint("one", PREFIX + "one/v2", writes=False, repeatable=True, data="object", section="2.1.4"),
        Endpoint("page", PREFIX + "page", writes=False, repeatable=True, data="object", section="2.1.5"),
        Endpoint("password", PREFIX + "editPwd", writes=True, repeatable=True, data="none", section="2.1.6"),
    )
}

PAGE_SIZE: Final = 100
"""Rows a page: the largest that 2.1.5 allows."""

BATCH: Final = 1000
"""Agents that one create call may make (2.1.1, `batchSize`)."""

DELETE_LIST: Final = 100
"""Agents in one delete call. 2.1.3 names no limit; a list this long stays reviewable when it is refused."""
