"""Text that must not leak, such as a password."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Text that masks itself: `str` and `repr` show asterisks, pickling and JSON fail; only `reveal` opens it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends or stores it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")
