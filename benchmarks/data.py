"""Desired-state files of any size, with realistic agents of 16 keys."""

from __future__ import annotations

from collections.abc import Iterator

_AGENT = """  - operatorId: "{id}"
    name: "坐席{id}"
    operatorType: agent
    status: enabled
    mainGroupName: "第{group}组"
    showcaller: "0108888{id}"
    bindcode: "139{id}00"
    afterInterval: {interval}
    isHidePhone: true
    isrecord: true
    outcallflag: no-long-distance
    ttscontent: "您好，{id}号为您服务"
    email: "agent{id}@example.com"
    isaudio: true
    ismessage: false
    judge: true
"""


def operator_ids(count: int) -> Iterator[str]:
    """So many ids of six digits."""
    return (str(100_000 + number) for number in range(count))


def desired_file(count: int) -> bytes:
    """An `agents.yaml` of so many agents."""
    head = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents:\n"
    agents = (_AGENT.format(id=id_, group=int(id_) % 40, interval=5 + int(id_) % 60) for id_ in operator_ids(count))
    return (head + "".join(agents)).encode()
