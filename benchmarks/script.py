"""The script that a user would write in an hour: load the file, ask for one page after another, compare dictionaries.

It knows no places, checks nothing and plans nothing: it prints the ids that differ. `--safe` loads with
`yaml.safe_load`, as most scripts do; without it the loader in C is taken.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

URL: Final = "{endpoint}/api/v1/config/openapi/agent/page"
NUMBERS: Final[dict[str, dict[str, int]]] = {
    "operatorType": {"agent": 0, "leader": 1},
    "status": {"disabled": 0, "enabled": 1},
    "outcallflag": {"allowed": 0, "no-long-distance": 1, "forbidden": 2, "no-international": 3},
}


def desired(file: Path, *, safe: bool) -> list[dict[str, Any]]:
    """The agents of the file."""
    with file.open("rb") as stream:
        document = yaml.safe_load(stream) if safe else yaml.load(stream, Loader=yaml.CSafeLoader)
    agents: list[dict[str, Any]] = document["agents"]
    return agents


def live(endpoint: str) -> dict[str, dict[str, Any]]:
    """Return every listed row, by id (2.1.5)."""
    rows: dict[str, dict[str, Any]] = {}
    number = 1
    with httpx.Client(headers={"token": "any"}) as client:
        while True:
            body = {"abbreviate": "acme", "pageNumber": number, "pageSize": 100}
            data = client.post(URL.format(endpoint=endpoint), json=body).json()["data"]
            rows |= {row["operatorId"]: row for row in data["result"]}
            if number >= data["pageTotal"]:
                return rows
            number += 1


def differing(agents: list[dict[str, Any]], rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the ids of the agents that are not as the file says."""
    for agent in agents:
        row = rows.get(agent["operatorId"], {})
        for field, value in agent.items():
            if row.get(field) != NUMBERS.get(field, {}).get(value, value):
                yield agent["operatorId"]
                break


def main() -> None:
    """Print the ids that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("endpoint")
    parser.add_argument("--safe", action="store_true")
    options = parser.parse_args()
    agents, rows = desired(options.file, safe=options.safe), live(options.endpoint)
    sys.stdout.writelines(f"{id_}\n" for id_ in differing(agents, rows))


if __name__ == "__main__":
    main()
