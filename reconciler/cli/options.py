"""Options that several commands share (contract, section 2), each with its environment variable."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli.shell import Shell
from reconciler.core.model import Limit

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.option(
    "-f",
    "--file",
    "file",
    type=click.Path(path_type=Path),
    envvar="RECONCILER_FILE",
    default=Path("agents.yaml"),
    show_default=True,
    show_envvar=True,
    help="The desired-state file.",
)

LEDGER = click.option(
    "--ledger",
    metavar="PATH|URL",
    envvar="RECONCILER_LEDGER",
    show_envvar=True,
    help="The ledger: a file, or s3://, gs://, az://.  [default: .reconciler/ledger.json beside the file]",
)

_CONNECTION = (
    click.option(
        "--endpoint", metavar="URL", envvar="RECONCILER_ENDPOINT", show_envvar=True, help="The vendor's base URL."
    ),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        envvar="RECONCILER_TOKEN_FILE",
        show_envvar=True,
        help="File (mode 0600) that holds the token. Or set RECONCILER_TOKEN.",
    ),
    click.option(
        "--parallelism",
        type=click.IntRange(1, 256),
        envvar="RECONCILER_PARALLELISM",
        default=8,
        show_default=True,
        help="Requests in flight at once.",
    ),
    click.option(
        "--rate",
        type=click.FloatRange(0, 100_000),
        envvar="RECONCILER_RATE",
        default=20.0,
        show_default=True,
        help="Requests a second, 0 for no limit.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0.01, 3600),
        envvar="RECONCILER_TIMEOUT",
        default=30.0,
        show_default=True,
        help="Seconds to wait for an answer.",
    ),
    LEDGER,
)


class _LimitType(click.ParamType[Limit]):
    name = "count or percentage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Limit:
        if isinstance(value, Limit):
            return value
        number = str(value).removesuffix("%")
        whole = number.isascii() and number.isdigit()
        part = str(value).endswith("%") and number.isascii() and number.replace(".", "", 1).isdigit()
        if not whole and not (part and number[0] != "." and number[-1] != "."):
            self.fail(f"{value!r} is neither a count such as 50 nor a percentage such as 20%.", param, ctx)
        return Limit(str(value))


_GUARDRAILS = (
    click.option(
        "--max-deletes", type=_LimitType(), metavar="N|P%", help="Overrides guardrails.maxDeletes of the file."
    ),
    click.option(
        "--max-changes", type=_LimitType(), metavar="N|P%", help="Overrides guardrails.maxChanges of the file."
    ),
    click.option(
        "--allow-replace",
        is_flag=True,
        help="Delete and make anew the agents whose change can be made only at creation. Protected ones never are.",
    ),
)


def _all(options: tuple[Callable[[F], F], ...]) -> Callable[[F], F]:
    return lambda command: reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


connection_options = _all((FILE, *_CONNECTION))
guardrail_options = _all(_GUARDRAILS)


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`, which also tells the shell what stdout is for."""

    def chosen(context: click.Context, _: click.Parameter, value: str) -> str:
        shell = context.find_object(Shell)
        if shell is not None:
            shell.json = value == "json"
        return value

    return click.option(
        "--format", "format_", type=click.Choice(formats), default="text", show_default=True, callback=chosen,
        is_eager=True, help="How the result is printed.",
    )  # fmt: skip
