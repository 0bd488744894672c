"""How commands print: the result to stdout, everything else to stderr; with `--format json` stdout holds only JSON."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Shell:
    """The process's streams. With `json`, stdout holds one JSON document and nothing else.

    `interrupted` means that a signal has come. It raised an exception, which code such as a destructor may swallow.
    """

    json: bool = False
    interrupted: bool = False
    _kept_values: list[object] = field(default_factory=list, repr=False)

    @property
    def color(self) -> bool:
        """Whether stdout may be coloured."""
        return _may_color(sys.stdout.isatty())

    @property
    def watched(self) -> bool:
        """Whether stderr is a terminal that a person watches, not one of a pipeline."""
        return _may_color(sys.stderr.isatty()) or (sys.stderr.isatty() and "CI" not in os.environ)

    @property
    def can_ask(self) -> bool:
        """Whether a person can be asked: stdin and stderr are terminals."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def raise_if_interrupted(self) -> None:
        """Raise an interrupt that was swallowed before; called ahead of acts that cannot be undone.

        Raises:
            KeyboardInterrupt: a signal has come.
        """
        if self.interrupted:
            raise KeyboardInterrupt

    def data(self, text: str) -> None:
        """Write a part of the result to stdout."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def document(self, value: Mapping[str, Any]) -> None:
        """Write the result to stdout as the one JSON document."""
        from reconciler.core.text import json_text

        self.data(json_text(value))

    def keep_until_exit(self, *values: object) -> None:
        """Keep large values alive until the process ends.

        Freeing them one by one takes as long as comparing them, and so does the search for garbage among them.
        """
        self._kept_values += values
        gc.freeze()

    def say(self, text: str) -> None:
        """Write a message to stderr."""
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()


def _may_color(terminal: bool) -> bool:
    return terminal and not os.environ.get("NO_COLOR") and not os.environ.get("CI")
