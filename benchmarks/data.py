"""The data of every measurement: a desired-state file of any size, and the vendor's listing of the same agents.

Agents have 16 keys. One live agent in a hundred has another name: a plan has that many edits, and no other action.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

PAGE_SIZE: Final = 100
CHANGED_EACH: Final = 100
"""Of so many agents one differs."""

_UNQUOTED: Final = frozenset(("operatorType", "status", "outcallflag"))
_NUMBERS: Final = {"operatorType": 0, "status": 1, "outcallflag": 1}
"""The vendor's integers for the choices that every agent has."""


def operator_ids(count: int) -> Iterator[str]:
    """Yield so many ids of six digits."""
    return (str(100_000 + number) for number in range(count))


def fields(id_: str) -> dict[str, str | int]:
    """Return the 16 keys of one agent, as the file has them."""
    number = int(id_)
    return {
        "operatorId": id_,
        "name": f"坐席{id_}",
        "operatorType": "agent",
        "status": "enabled",
        "mainGroupName": f"第{number % 40}组",
        "showcaller": f"0108888{id_}",
        "bindcode": f"139{id_}00",
        "afterInterval": 5 + number % 60,
        "isHidePhone": True,
        "isrecord": True,
        "outcallflag": "no-long-distance",
        "ttscontent": f"您好，{id_}号为您服务",
        "email": f"agent{id_}@example.com",
        "isaudio": True,
        "ismessage": False,
        "judge": True,
    }


def desired_file(count: int) -> bytes:
    """Return an `agents.yaml` of so many agents."""
    head = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents:\n"
    return (head + "".join(map(_entry, operator_ids(count)))).encode()


def _entry(id_: str) -> str:
    lines = (
        f"{name}: {value if name in _UNQUOTED else json.dumps(value, ensure_ascii=False)}\n"
        for name, value in fields(id_).items()
    )
    return "  - " + "    ".join(lines)


def changed(count: int) -> int:
    """Return how many of so many agents differ."""
    return -(-count // CHANGED_EACH)


def pages(count: int) -> Iterator[bytes]:
    """Yield the body of every page of the listing (2.1.5), in order; one empty page where there are no agents."""
    rows = [_row(index, id_) for index, id_ in enumerate(operator_ids(count))]
    total = max(1, -(-count // PAGE_SIZE))
    for number in range(1, total + 1):
        result = rows[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        data = {"result": result, "total": count, "pageNumber": number, "pageSize": PAGE_SIZE, "pageTotal": total}
        yield json.dumps({"code": 0, "msg": "", "data": data}, ensure_ascii=False, separators=(",", ":")).encode()


def live_name(index: int, id_: str) -> str:
    """Return the live agent's name; `index` counts from 0."""
    return "改名" if index % CHANGED_EACH == 0 else f"坐席{id_}"


def _row(index: int, id_: str) -> dict[str, Any]:
    """A listed row in the vendor's spelling, with what the vendor lists and the file does not manage."""
    managed = {name: int(value) if isinstance(value, bool) else value for name, value in fields(id_).items()}
    return {
        "id": index + 1,
        "companyId": 4242,
        **managed,
        **_NUMBERS,
        "name": live_name(index, id_),
        "isvideo": 0,
        "sipNumber": f"6{id_}",
        "sipPassword": "Zq81mmPx",
        "priority": 0,
        "ismemory": 0,
        "ctime": 1_672_531_200_000 + index,
        "utime": 1_672_531_200_000 + index,
    }


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(desired_file(int(sys.argv[1])))
