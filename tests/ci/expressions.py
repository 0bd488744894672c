"""GitHub's `${{ … }}`, as far as the example uses it: names, strings, `==`, `!=`, `!`, `&&`, `||`, status functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_TOKEN: Final = re.compile(r"\s*(&&|\|\||==|!=|!|\(|\)|'(?:[^']|'')*'|[A-Za-z_][\w.-]*(?:\(\))?)")
_INSERTED: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)

Context = Mapping[str, Any]
"""What the names stand for: `{"github": {"sha": …}}`. A name that is nowhere is the empty text, as on GitHub."""


def insert(text: str, context: Context) -> str:
    """The text with every expression in it replaced by its value."""
    return _INSERTED.sub(lambda found: _text(evaluate(found.group(1), context)), text)


def condition(written: str, context: Context) -> bool:
    """What an `if:` comes to; without a status function in it, it needs success so far."""
    inner = _INSERTED.fullmatch(written.strip())
    source = inner.group(1) if inner else written
    asks = any(f"{name}()" in source for name in ("always", "cancelled", "failure", "success"))
    return bool(evaluate(source, context)) and (asks or bool(context["status"]["success"]))


def evaluate(source: str, context: Context) -> Any:
    """The value of an expression; `&&` and `||` give one of their sides, as on GitHub."""
    parser = _Parser(source, context)
    value = parser.either()
    assert not parser.tokens, f"not understood: {source}"
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Parser:
    def __init__(self, source: str, context: Context) -> None:
        self.tokens = _TOKEN.findall(source)
        self.context = context
        assert re.sub(r"\s", "", "".join(self.tokens)) == re.sub(r"\s", "", source), f"not understood: {source}"

    def either(self) -> Any:
        value = self.both()
        while self._next("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        value = self.equal()
        while self._next("&&"):
            other = self.equal()
            value = value and other
        return value

    def equal(self) -> Any:
        value = self.single()
        if self._next("=="):
            return value == self.single()
        if self._next("!="):
            return value != self.single()
        return value

    def single(self) -> Any:
        if self._next("!"):
            return not self.single()
        if self._next("("):
            value = self.either()
            assert self._next(")")
            return value
        return self._named(self.tokens.pop(0))

    def _named(self, token: str) -> Any:
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        status = self.context["status"]
        known = {"always()": True, "cancelled()": False, "success()": status["success"]}
        if token in known or token == "failure()":
            return known.get(token, not status["success"])
        value: Any = self.context
        for name in token.split("."):
            value = value.get(name, "") if isinstance(value, Mapping) else ""
        return value

    def _next(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False
