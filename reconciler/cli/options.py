"""Options that several commands share, with their environment variables. docs/commands.md lists them by command."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from reconciler.core.model.desired import SECONDS_IN, Limit
from reconciler.core.model.endpoints import MAX_DELETE_LIST
from reconciler.core.model.message import text

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


def _usual_files() -> list[str]:
    """The file that is read when nobody names one, or the folder that is there in its place."""
    return ["agents"] if not Path("agents.yaml").exists() and Path("agents").is_dir() else ["agents.yaml"]


FILES = click.option(
    "-f",
    "--file",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="RECONCILER_FILE",
    default=_usual_files,
    show_default="agents.yaml, else the folder agents/",
    show_envvar=True,
    help="A desired-state file, or a folder of them; repeat it for several.",
)


def files_by_position(command: F) -> F:
    """`--file` for a command that takes files as arguments too, as git hooks and shells name them."""

    @click.argument("named", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
    @FILES
    @wraps(command)
    def taking_both(*arguments: Any, files: tuple[Path, ...], named: tuple[Path, ...], **options: Any) -> Any:
        source = click.get_current_context().get_parameter_source("files")
        asked = files if source is click.core.ParameterSource.COMMANDLINE or not named else ()
        return command(*arguments, files=(*asked, *named), **options)

    return cast("F", taking_both)


LEDGER = click.option(
    "--ledger",
    metavar="PATH|URL",
    envvar="RECONCILER_LEDGER",
    show_envvar=True,
    help="The ledger: a file; git+REMOTE#BRANCH; or s3://, gs://, az://.  [default: .reconciler/HOST/ledger.json "
    "beside the file; HOST is the endpoint's]",
)

ENDPOINT = click.option(
    "--endpoint", metavar="URL", envvar="RECONCILER_ENDPOINT", show_envvar=True, help="The vendor's base URL."
)


def _proxy_in_argv(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a user and password where others can see them."""
    seen = context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
    if value and "@" in value and seen:
        raise click.BadParameter(
            text("others could see its user and password: set RECONCILER_PROXY."), context, parameter
        )
    return value


NETWORK = (
    click.option(
        "--ca-file",
        type=click.Path(path_type=Path),
        metavar="PEM",
        envvar="RECONCILER_CA_FILE",
        show_envvar=True,
        help="Certificates to trust, and no others.  [default: the operating system's]",
    ),
    click.option(
        "--proxy",
        metavar="URL",
        envvar="RECONCILER_PROXY",
        show_envvar=True,
        callback=_proxy_in_argv,
        help="An HTTP proxy, http://HOST:PORT. Only the variable may hold a user and password; no other is read.",
    ),
)

CONNECTION = (
    ENDPOINT,
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
    *NETWORK,
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
            self.fail(
                text("{value!r} is neither a count such as 50 nor a percentage such as 20%.", value=value), param, ctx
            )
        if part and float(number) > _ALL:
            self.fail(text("{value!r} is more than all agents; 100% is the most.", value=value), param, ctx)
        return Limit(str(value))


_ALL: Final = 100
"""Percent."""


class OperatorIdType(click.ParamType[str]):
    """An agent's id, or a pattern of ids. A shell completes those of the desired-state files."""

    name = "text"

    def __init__(self, *, or_file: bool = False) -> None:
        self._or_file = or_file

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's
        incomplete: str,
    ) -> list[CompletionItem]:
        """What fits, for a shell that asks; `completion` is imported only for one."""
        from reconciler.cli.completion import operator_ids

        return operator_ids(ctx, incomplete, or_file=self._or_file)


OPERATOR_ID: Final = OperatorIdType()
_PATTERN: Final[dict[str, Any]] = {"type": OPERATOR_ID, "metavar": "PATTERN", "multiple": True}


class _DurationType(click.ParamType[int]):
    """Seconds, written as 90s, 30m, 12h or 7d."""

    name = "span of time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, unit = str(value)[:-1], SECONDS_IN.get(str(value)[-1:])
        if unit is None or not (number.isascii() and number.isdigit()) or not 0 < int(number) * unit <= _MAX_SECONDS:
            self.fail(
                text("{value!r} is no span of time such as 12h or 7d, of ten years at most.", value=value), param, ctx
            )
        return int(number) * unit


_MAX_SECONDS = 3650 * 86400

EXPIRES_IN = click.option(
    "--expires-in",
    type=_DurationType(),
    metavar="SPAN",
    default="7d",
    show_default=True,
    help="How long a review of the plan holds: 90s, 30m, 12h, 7d. Part of the digest.",
)


def not_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The value, unless it is empty: a variable that a pipeline forgot to set must not count as no value.

    Raises:
        BadParameter: the value is empty or blank.
    """
    if value is not None and not value.strip():
        raise click.BadParameter(text("it is empty."), context, parameter)
    return value


def full_digest(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A plan's digest, of which no digit may be missing.

    Raises:
        BadParameter: the value is not 64 hexadecimal digits.
    """
    if value is not None and not re.fullmatch("[0-9a-f]{64}", value):
        raise click.BadParameter(text("a digest has 64 hexadecimal digits; plan prints it."), context, parameter)
    return value


_GUARDRAILS = (
    click.option(
        "--target",
        "targets",
        help="Look only at agents whose id matches, such as '80*'; repeatable.",
        **_PATTERN,
    ),
    click.option(
        "--exclude",
        "excludes",
        help="Leave agents out whose id matches; repeatable.",
        **_PATTERN,
    ),
    click.option(
        "--max-deletes", type=_LimitType(), metavar="N|P%", help="Overrides guardrails.maxDeletes of the file."
    ),
    click.option(
        "--max-changes", type=_LimitType(), metavar="N|P%", help="Overrides guardrails.maxChanges of the file."
    ),
    click.option(
        "--max-passwords", type=_LimitType(), metavar="N|P%", help="Overrides guardrails.maxPasswords of the file."
    ),
    click.option(
        "--allow-forgotten-files",
        "allow_forgotten",
        is_flag=True,
        help="Delete also agents that an earlier apply found in a file that is still there and is not given now.",
    ),
    click.option(
        "--allow-replace",
        is_flag=True,
        help="Delete and make anew the agents whose change can be made only at creation. Protected ones never are.",
    ),
    click.option(
        "--allow-lookalikes",
        is_flag=True,
        help="Create agents whose ids look like those of live agents, such as 8O01 beside 8001.",
    ),
    click.option(
        "--batch/--no-batch",
        default=True,
        show_default=True,
        help="Create equal new agents with consecutive numbers in one call; the vendor then chooses the passwords of "
        "those that name none.",
    ),
    click.option(
        "--delete-list",
        type=click.IntRange(1, MAX_DELETE_LIST),
        metavar="N",
        default=MAX_DELETE_LIST,
        show_default=True,
        help="How many agents one delete call may name.",
    ),
)


def _patterns(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """Patterns that are parted by commas, without the blanks around them."""
    patterns = tuple(pattern for each in value.split(",") if (pattern := each.strip()))
    if not patterns:
        raise click.BadParameter(text("it names no variable."), context, parameter)
    return patterns


PASSWORD_ENV = click.option(
    "--password-env",
    metavar="PATTERNS",
    envvar="RECONCILER_PASSWORD_ENV",
    default="AGENT_*",
    show_default=True,
    show_envvar=True,
    callback=_patterns,
    help="Variables that `password: {env: …}` may name, parted by commas; RECONCILER_* never.",
)

SECRETS_DIR = click.option(
    "--secrets-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    envvar="RECONCILER_SECRETS_DIR",
    show_envvar=True,
    help="Folder that `password: {file: …}` is seen from, and may not leave.  [default: that of the file that names "
    "it]",
)

OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the result there, not to stdout."
)

REPORT = click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="REPORT",
    expose_value=False,
    help="Keep the report there as JSON, errors included; with --format json it is not printed.",
)
"""`cli.usage.report_of` reads it, since the report of an error is kept too when other words are wrong."""


def _all(options: tuple[Callable[[F], F], ...]) -> Callable[[F], F]:
    return lambda command: reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


connection_options = _all((FILES, *CONNECTION))
books_options = _all((FILES, LEDGER, ENDPOINT, *NETWORK))
guardrail_options = _all(_GUARDRAILS)


def format_option(*formats: str) -> Callable[[F], F]:
    """The option `--format`. That it is JSON is known to the shell before any word can be wrong (`cli.main`)."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice(formats),
        default="text",
        show_default=True,
        help="How the result is printed.",
    )
