"""How commands print: the result to stdout, everything else to stderr; with `--format json` stdout holds only JSON."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from reconciler.core.model.message import Text, text
from reconciler.files.system import AS_BYTES, make_blocking, writable


@dataclass(slots=True)
class Shell:
    """The process's streams. With `json`, stdout holds one JSON document and nothing else.

    `interrupted` means that a signal has come. It raised an exception, which code such as a destructor may swallow.
    With `output` the document goes to that file, also where stdout holds text. With `json_lines` each message on stderr
    is a line of JSON, which has the values of `log_context` too. `in_doubt` are agents of whom an error that ends the
    command tells as well, each with what a recovery has found of it.
    """

    json: bool = False
    interrupted: bool = False
    output: Path | None = None
    json_lines: bool = False
    log_context: dict[str, object] = field(default_factory=dict, repr=False)
    in_doubt: Sequence[tuple[str, Text]] = ()
    _forgiving: bool = False
    _given_up: list[TextIO] = field(default_factory=list, repr=False)
    _kept_values: list[object] = field(default_factory=list, repr=False)

    @property
    def wants_document(self) -> bool:
        """Whether the result, or an error, is to be told as a document."""
        return self.json or self.output is not None

    @property
    def color(self) -> bool:
        """Whether stdout may be coloured."""
        return _may_color(sys.stdout.isatty())

    @property
    def watched(self) -> bool:
        """Whether stderr is a terminal that a person watches, not one of a pipeline."""
        return sys.stderr.isatty() and not self.json_lines and (_may_color(terminal=True) or "CI" not in os.environ)

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

    def forgive_streams(self) -> None:
        """Let no broken stdout or stderr end the command: a stream that fails is given up, and the work goes on."""
        self._forgiving = True
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # whoever shares the pipe may have made it non-blocking
                make_blocking(stream.fileno())

    @property
    def unread(self) -> bool:
        """Whether stdout was given up, so that nobody can have seen all that was printed."""
        return sys.stdout in self._given_up

    def alarm(self, words: Text) -> None:
        """Write a message to stderr from a signal handler: past its buffer, and only where it need not wait."""
        with suppress(Exception):
            text: str = words
            if self.json_lines:
                from reconciler.cli.log_lines import json_line

                text = json_line("info", "message", {"message": text, **self.log_context}, time.time())
            handle = sys.stderr.fileno()
            if sys.stderr not in self._given_up and writable(handle, 0):
                os.write(handle, (f"\n{text}\n" if self.watched else f"{text}\n").encode())

    def data(self, text: str) -> None:
        """Write a part of the result to stdout."""
        self._put(sys.stdout, text)

    def document(self, value: Mapping[str, Any]) -> None:
        """Write the result as the one JSON document, to stdout or to the file `output`."""
        from reconciler.core.text import json_text

        if self.output is None:
            self.data(json_text(value))
            return
        try:
            self.output.write_text(json_text(value), encoding="utf-8")
        except OSError as error:
            self.tell(text("warning: {path} cannot be written: {why}", path=self.output, why=error.strerror))

    def keep_until_exit(self, *values: object) -> None:
        """Keep large values alive until the process ends.

        Freeing them one by one takes as long as comparing them, and so does the search for garbage among them.
        """
        self._kept_values += values
        gc.freeze()

    def tell(self, words: Text, code: str = "") -> None:
        """Write a sentence for people to stderr, made visible first: it may quote anybody. An error has its `code`."""
        from reconciler.render.terminal import visible

        self.say(visible(words), code)

    def say(self, text: str, code: str = "") -> None:
        """Write lines to stderr that somebody has rendered already. An error has its `code`, which JSON tells."""
        if self.json_lines:
            level, coded = ("error", {"code": code}) if code else ("info", {})
            self.log(level, "message", {"message": text.rstrip("\n"), **coded}, at=time.time())
            return
        self.say_on(text if text.endswith("\n") else text + "\n")

    def log(self, level: str, event: str, details: Mapping[str, object], at: float) -> None:
        """Write a line of the log to stderr. `at` is seconds since 1970."""
        from reconciler.cli.log_lines import json_line, line

        if self.json_lines:
            self.say_on(json_line(level, event, {**details, **self.log_context}, at) + "\n")
        else:
            self.say_on(line(level, event, details, at) + "\n")

    def ask(self, words: Text) -> None:
        """Write a question to stderr, which the answer follows on its line; it is made visible first."""
        from reconciler.render.terminal import visible

        self.say_on(f"{visible(words)} ")

    def say_on(self, text: str) -> None:
        """Write to stderr what is no line of its own."""
        self._put(sys.stderr, text)

    def _put(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            if not self._forgiving:
                raise
            self._given_up.append(stream)
            with suppress(OSError, ValueError):  # what is still buffered goes nowhere, like all that follows
                os.dup2(os.open(os.devnull, os.O_WRONLY | AS_BYTES), stream.fileno())


def _may_color(terminal: bool) -> bool:
    return terminal and not os.environ.get("NO_COLOR") and not os.environ.get("CI")
