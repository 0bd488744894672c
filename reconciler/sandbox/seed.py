"""Invented agents that look like a real call centre's. The same seed and number give the same agents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from reconciler.sandbox.agent import ROLES, password_md5
from reconciler.sandbox.store import AgentStore

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹"
    "彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任沈姚卢姜崔钟谭陆范汪廖"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建文志辉晓雪婷宇浩欣怡子涵梓轩思雨嘉佳琪慧颖博鑫俊峰凯倩琳"
)
GROUPS = ("售前组", "售后一组", "售后二组", "投诉组", "回访组", "技术支持组", "大客户组", "夜班组")
SHOWN_NUMBERS = ("01062345678", "01062345679", "02152345678", "4008001234", "")
MOBILE_PREFIXES = ("138", "139", "150", "158", "177", "186", "188")
GREETINGS = ("您好,请问有什么可以帮您?", "感谢来电,坐席正在接入,请稍候。", "您好,很高兴为您服务。")
WRAP_UP_SECONDS = (0, 5, 10, 15, 30, 60)

# The largest number of agents for each first operatorId: all ids of a store have the same number of digits.
FIRST_IDS = ((900, 8001), (80_000, 10_001), (800_000, 100_001))
MOST_AGENTS = FIRST_IDS[-1][0]
FIRST_CREATED = 1_672_531_200_000  # 2023-01-01 00:00 UTC in milliseconds
MINUTE = 60_000
YEAR = 525_600 * MINUTE


def invent_agents(store: AgentStore, count: int, seed: int) -> None:
    """Adds `count` agents to an empty store, inside its transaction; at most `MOST_AGENTS`."""
    rng = random.Random(seed)
    groups = [store.group(name) for name in GROUPS]
    sipids = iter(store.pool.take(count))
    store.insert(_agent(rng, operator_id, groups, sipids) for operator_id in _operator_ids(count))
    for sipid in sipids:
        store.pool.release(sipid)


def _operator_ids(count: int) -> range:
    first = next(first for most, first in FIRST_IDS if count <= most)
    return range(first, first + count)


def _agent(rng: random.Random, number: int, groups: list[int | None], sipids: Iterator[int]) -> dict[str, Any]:
    """One agent as columns; nine agents of ten get the next sipid."""
    leader = int(rng.random() < 0.06)
    created = FIRST_CREATED + number * MINUTE
    return {
        "operatorId": str(number),
        "operatorType": leader,
        "roleName": rng.choice(ROLES[leader]),
        "sipid": next(sipids, None) if rng.random() < 0.9 else None,
        "maingroupid": rng.choice(groups) if rng.random() < 0.95 else None,
        "status": int(rng.random() < 0.97),
        "password_md5": password_md5(f"{rng.randrange(10**6):06d}"),
        "ctime": created,
        "utime": created + rng.randrange(YEAR),
        **_person(rng, number),
        **_flags(rng),
    }


def _person(rng: random.Random, number: int) -> dict[str, Any]:
    given = "".join(rng.choices(GIVEN, k=rng.choice((1, 2, 2))))
    skilled = rng.random() < 0.3
    return {
        "name": rng.choice(SURNAMES) + given,
        "showcaller": rng.choice(SHOWN_NUMBERS),
        "bindcode": _phone(rng),
        "email": f"agent{number}@example.com" if rng.random() < 0.6 else None,
        "ttscontent": rng.choice(GREETINGS) if rng.random() < 0.25 else None,
        "bindSkillName": rng.choice(GROUPS) if skilled else None,
        "bindSkillLevel": rng.randrange(1, 6) if skilled else 0,
    }


def _phone(rng: random.Random) -> str | None:
    kind = rng.random()
    if kind < 0.6:
        return f"+86{rng.choice(MOBILE_PREFIXES)}{rng.randrange(10**8):08d}"
    return f"010{rng.randrange(6 * 10**7, 9 * 10**7):08d}" if kind < 0.85 else None


def _flags(rng: random.Random) -> dict[str, int]:
    return {
        "afterInterval": rng.choice(WRAP_UP_SECONDS),
        "isHidePhone": int(rng.random() < 0.4),
        "isrecord": int(rng.random() < 0.95),
        "outcallflag": rng.choices((0, 1, 2, 3), weights=(80, 8, 7, 5))[0],
        "isaudio": int(rng.random() < 0.99),
        "ismessage": int(rng.random() < 0.9),
        "isvideo": int(rng.random() < 0.1),
        "judge": int(rng.random() < 0.85),
    }
