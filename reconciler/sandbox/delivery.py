"""The bytes of an answer and how they are to be sent, unaltered or altered by a fault. `server` sends them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

from reconciler.sandbox.answers import TOO_MANY_REQUESTS, Answer
from reconciler.sandbox.rules import Rule

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>登录</title></head><body><form>请登录</form></body></html>"
GZIP_HEADER = 10  # bytes, which stay whole


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer's bytes and how they are sent.

    `manner`: "whole"; "drip", in pieces over `pace` seconds; "drip-head", so from the first line of the header on;
    "cut", the first half of the announced bytes and then the end of the connection; "close" and "reset", only the
    end of the connection, by FIN or by RST. `wait`: seconds before the first byte.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    retry_after: str | None = None
    encoding: str | None = None
    manner: Literal["whole", "drip", "drip-head", "cut", "close", "reset"] = "whole"
    wait: float = 0
    pace: float = 0


def delivered(answer: Answer, rule: Rule | None = None) -> Delivery:
    """What is sent for an answer, altered by the rule if there is one."""
    # "replace": a refusal may quote a parameter's name that is half a surrogate pair.
    body = json.dumps(answer.envelope(), ensure_ascii=False).encode(errors="replace")
    plain = Delivery(body, answer.http, retry_after="1" if answer.http == TOO_MANY_REQUESTS else None)
    return plain if rule is None else ALTERATIONS.get(rule.fault, _unaltered)(plain, rule)


def _unaltered(plain: Delivery, _: Rule) -> Delivery:
    return plain


def _closed(_: Delivery, rule: Rule) -> Delivery:
    return Delivery(manner="close", wait=rule.seconds)


def _closed_at_once(_: Delivery, __: Rule) -> Delivery:
    return Delivery(manner="close")


def _reset(_: Delivery, __: Rule) -> Delivery:
    return Delivery(manner="reset")


def _with_retry_after(plain: Delivery, rule: Rule) -> Delivery:
    return replace(plain, retry_after=None if rule.retry_after is None else str(rule.retry_after))


def _gateway_page(_: Delivery, rule: Rule) -> Delivery:
    phrases = {status.value: status.phrase for status in HTTPStatus}
    title = f"{rule.status} {phrases.get(rule.status, 'Error')}"
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


def _dripping_head(plain: Delivery, rule: Rule) -> Delivery:
    return replace(plain, manner="drip-head", pace=rule.seconds)


def _broken_gzip(plain: Delivery, _: Rule) -> Delivery:
    """Announced as gzip, and damaged behind the header that says so."""
    packed = bytearray(gzip.compress(plain.body, mtime=0))
    for place in range(GZIP_HEADER, len(packed)):
        packed[place] ^= 0xFF
    return replace(plain, body=bytes(packed), encoding="gzip")


ALTERATIONS: Mapping[str, Callable[[Delivery, Rule], Delivery]] = {
    "drop-before": _closed_at_once,
    "drop-after": _closed_at_once,
    "late": _closed_at_once,
    "hang": _closed,
    "hang-after": _closed,
    "reset-after": _reset,
    "429": _with_retry_after,
    "5xx-before": _gateway_page,
    "5xx-after": _gateway_page,
    "envelope-5xx-after": _failing,
    "html": _login_page,
    "html-after": _login_page,
    "truncated": _truncated,
    "cut": _cut,
    "slow": _slow,
    "drip": _dripping,
    "drip-head": _dripping_head,
    "broken-gzip": _broken_gzip,
}
