"""How an answer travels: as it is, or as a fault bends it. What is to be sent, not the sending."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

from reconciler.sandbox.answers import TOO_MANY_REQUESTS, Answer
from reconciler.sandbox.rules import Rule

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>登录</title></head><body><form>请登录</form></body></html>"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer's bytes and the way they go.

    `manner`: "whole"; "drip", in pieces over `pace` seconds; "cut", the first half of the bytes that are
    announced, then the end of the connection; "close" and "reset", nothing but that end, by FIN or by RST.
    `wait`: seconds before the first byte.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    retry_after: str | None = None
    manner: Literal["whole", "drip", "cut", "close", "reset"] = "whole"
    wait: float = 0
    pace: float = 0


def delivered(answer: Answer, rule: Rule | None = None) -> Delivery:
    """The answer on its way, under a rule or under none."""
    # "replace": a refusal may name a parameter whose name is half a surrogate pair.
    body = json.dumps(answer.envelope(), ensure_ascii=False).encode(errors="replace")
    plain = Delivery(body, answer.http, retry_after="1" if answer.http == TOO_MANY_REQUESTS else None)
    return plain if rule is None else BENT.get(rule.fault, _straight)(plain, rule)


def _straight(plain: Delivery, _: Rule) -> Delivery:
    return plain


def _closed(_: Delivery, rule: Rule) -> Delivery:
    return Delivery(manner="close", wait=rule.seconds)


def _closed_at_once(_: Delivery, __: Rule) -> Delivery:
    return Delivery(manner="close")


def _reset(_: Delivery, __: Rule) -> Delivery:
    return Delivery(manner="reset")


def _told_to_wait(plain: Delivery, rule: Rule) -> Delivery:
    return replace(plain, retry_after=None if rule.retry_after is None else str(rule.retry_after))


def _gateway_page(_: Delivery, rule: Rule) -> Delivery:
    known = {each.value: each.phrase for each in HTTPStatus}
    title = f"{rule.status} {known.get(rule.status, 'Error')}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Delivery(page.encode(), rule.status, "text/html")


def _failing(_: Delivery, rule: Rule) -> Delivery:
    return delivered(Answer(rule.status, "服务器内部错误", http=rule.status))


def _login_page(_: Delivery, __: Rule) -> Delivery:
    return Delivery(LOGIN_PAGE.encode(), 200, "text/html")


def _truncated(plain: Delivery, _: Rule) -> Delivery:
    return replace(plain, body=plain.body[: len(plain.body) // 2])


def _cut(plain: Delivery, _: Rule) -> Delivery:
    return replace(plain, manner="cut")


def _slow(plain: Delivery, rule: Rule) -> Delivery:
    return replace(plain, wait=rule.seconds)


def _dripping(plain: Delivery, rule: Rule) -> Delivery:
    return replace(plain, manner="drip", pace=rule.seconds)


BENT: Mapping[str, Callable[[Delivery, Rule], Delivery]] = {
    "drop-before": _closed_at_once,
    "drop-after": _closed_at_once,
    "late": _closed_at_once,
    "hang": _closed,
    "hang-after": _closed,
    "reset-after": _reset,
    "429": _told_to_wait,
    "5xx-before": _gateway_page,
    "5xx-after": _gateway_page,
    "envelope-5xx-after": _failing,
    "html": _login_page,
    "html-after": _login_page,
    "truncated": _truncated,
    "cut": _cut,
    "slow": _slow,
    "drip": _dripping,
}
