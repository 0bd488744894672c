"""The entry point: the command group, and how each error is shown and which exit code it gives."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import sys
from importlib import import_module
from itertools import takewhile
from typing import Final, NoReturn, TextIO

import click
from click.exceptions import NoArgsIsHelpError

from reconciler import __version__
from reconciler.cli.shell import Shell
from reconciler.cli.terraform import refuse_command, refuse_words
from reconciler.cli.usage import code_of, given, report_of
from reconciler.core.model.message import NOTHING, text, verbatim
from reconciler.errors import InvalidFiles, MissingSecrets, ReconcilerError, StalePlan, out_of_memory
from reconciler.files.system import HANGUP, INTERRUPTS

EXIT_INTERRUPTED = 130
EXIT_USAGE = 64
_LOG_FORMAT: Final = "RECONCILER_LOG_FORMAT"


class Commands(click.Group):
    """The commands. Each one is imported when it is asked for, so that `plan` does not wait for `export`'s imports."""

    NAMES = (
        *("validate", "plan", "apply", "show-plan", "show", "explain", "export", "fmt", "import", "init"),
        *("status", "history", "doctor", "notify", "credentials", "rotate", "ledger", "schema", "sandbox", "demo"),
        "completion",
    )

    OTHER_NAMES: Final = {"import-csv": "import"}
    """Commands that are known by an older name too; help lists the new one."""
    MODULES: Final = {"import": "import_sheet"}
    """Where a command lives whose name Python keeps for itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Every name, sorted."""
        return sorted(self.NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command with a name, or `None`."""
        cmd_name = self.OTHER_NAMES.get(cmd_name, cmd_name)
        if cmd_name not in self.NAMES:
            return None
        name = self.MODULES.get(cmd_name, cmd_name).replace("-", "_")
        command: click.Command = getattr(import_module(f"reconciler.cli.{name}"), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command's name."""
        if not ctx.resilient_parsing:  # whoever completes a word is answered nothing
            before = [*takewhile(lambda word: word not in (*self.NAMES, *self.OTHER_NAMES), args)]
            command, shell = self.get_command(ctx, "".join(args[len(before) :][:1])), ctx.find_object(Shell)
            if command and shell and command.name == "apply":
                shell.output = report_of(command, args[len(before) + 1 :])
            refuse_words(ctx, self, before)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument, once all of them are words of ours."""
        if args[0] not in (*self.NAMES, *self.OTHER_NAMES) and not ctx.resilient_parsing:
            refuse_command(ctx, args[0])
            raise click.NoSuchCommand(args[0], possibilities=self.NAMES, ctx=ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            refuse_words(ctx, command, rest)
        return name, command, rest


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `reconciler sandbox --agents 30` and the README; `reconciler COMMAND --help` says more.",
)
@click.version_option(__version__, prog_name="reconciler")
@click.option(
    "-v",
    "--verbose",
    count=True,
    type=click.IntRange(0),
    envvar="RECONCILER_VERBOSE",
    show_envvar=True,
    help="Log each request and each long wait on stderr; -vv every wait and every call for a remote ledger too.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    envvar=_LOG_FORMAT,
    show_envvar=True,
    default="text",
    show_default=True,
    expose_value=False,
    help="With json, everything on stderr is a line of JSON.",
)
@click.pass_obj
def cli(shell: Shell, verbose: int) -> None:
    """Keep call-centre agents (坐席) in git.

    A YAML file says how the agents of a company should be. `validate` checks it, `plan` compares it with the
    vendor's live agents and shows what would change, `apply` makes it so.
    """
    if verbose:
        from reconciler.cli.log_lines import log_to, trace_of
        from reconciler.log import tell

        log_to(shell.log, verbose)
        if trace := trace_of(os.environ):
            shell.log_context |= trace
            tell("trace", trace)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit with a code of docs/formats.md, "Exit codes". It never shows a traceback."""
    if sys.stdin is None:  # it was closed before the start; no other file may get its number
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - until the end
    for name in ("stdout", "stderr"):
        setattr(sys, name, _utf8_stream(getattr(sys, name)))
    shell = Shell()

    def interrupt(number: int, _frame: object) -> None:
        again, shell.interrupted = shell.interrupted, True
        if not (again and number == HANGUP):  # a terminal that closes says so several times
            raise KeyboardInterrupt

    for each in INTERRUPTS:  # a pipeline's cancel is an interrupt, and so is a terminal that closes
        if signal.getsignal(each) is not signal.SIG_IGN:  # as with nohup
            signal.signal(each, interrupt)
    code = _run(sys.argv[1:] if arguments is None else arguments, shell)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    sys.exit(code)


def process() -> NoReturn:
    """Run `main` and end the process at once.

    A normal end would free hundreds of thousands of values one by one, and wait for answers that nobody reads.
    """
    gc.set_threshold(50_000)  # with the default, the collector looks through all imported modules several times
    code: object = 1  # for an error that cannot be shown, such as a broken stderr
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:  # a second one, while the first is being handled
        code = EXIT_INTERRUPTED
    finally:
        os._exit(code if isinstance(code, int) else 1)


def _utf8_stream(stream: TextIO | None) -> TextIO:
    """The stream in UTF-8, with buffered writes; the null device for a stream that was closed before the start."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - until the process ends
    if isinstance(stream, io.TextIOWrapper):
        if isinstance(stream.buffer, io.RawIOBase):  # PYTHONUNBUFFERED is set, and a short write would go unnoticed
            stream = io.TextIOWrapper(io.BufferedWriter(stream.detach()), line_buffering=True)
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")  # the same bytes on Windows
    return stream


def _run(arguments: list[str], shell: Shell) -> int:
    shell.json = given("--format", arguments) == "json"
    shell.json_lines = given("--log-format", arguments, os.environ.get(_LOG_FORMAT, "")) == "json"
    if shell.json_lines:
        import reconciler.cli.log_lines  # noqa: F401 - no signal handler is to import it
    try:
        code = cli.main(arguments, prog_name="reconciler", standalone_mode=False, obj=shell)
    except click.UsageError as error:
        _show_wrong_usage(error, shell)
        return EXIT_USAGE
    except ReconcilerError as error:
        _show_error(error, shell)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        shell.say(text("interrupted"))
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; what is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (MemoryError, OSError, ImportError, RuntimeError) as error:
        if out_of_memory(error):
            return _no_memory(shell)
        if not isinstance(error, OSError):
            return _unexpected(error, shell)
        unwritten = "error: the output cannot be written: {why}; `reconciler status` shows the last apply"
        shell.tell(text(unwritten, why=error.strerror), "unwritable-file")
        return 1
    except Exception as error:  # noqa: BLE001 - a traceback could show a secret; the line's number is enough
        return _unexpected(error, shell)
    return code if isinstance(code, int) else 0


def _show_wrong_usage(error: click.UsageError, shell: Shell) -> None:
    from reconciler.render.terminal import visible

    code, message, context = code_of(error), error.format_message(), error.ctx
    if shell.wants_document:
        hint = verbatim(f"{context.command_path} --help") if context else NOTHING
        shell.document(_document(code, message, hint, EXIT_USAGE))
    told = "\n".join(visible(line.expandtabs()) for line in message.split("\n"))
    if not shell.json_lines and not isinstance(error, NoArgsIsHelpError):  # whose message is the whole help
        told = text("Error: {message}", message=told)
        if context:
            more = text("Try '{command} --help' for help.", command=context.command_path)
            told = f"{context.get_usage()}\n{more}\n\n{told}"
    shell.say(told, code)


def _show_error(error: ReconcilerError, shell: Shell) -> None:
    problems = error.problems if isinstance(error, InvalidFiles | MissingSecrets) else ()
    if shell.wants_document:
        from reconciler.render import json as rendered

        more = {"problems": rendered.problems(problems)}
        if isinstance(error, StalePlan):
            more["moved"] = rendered.stale_agents(error.moved)
        if shell.in_doubt:
            more["in_doubt"] = [{"operatorId": id_, "message": words} for id_, words in shell.in_doubt]
        shell.document(_document(error.code, error.message, error.hint, error.exit_code, **more))
    from reconciler.render.terminal import visible
    from reconciler.render.text import problems as problems_text

    if problems:
        shell.say(problems_text(problems, color=shell.watched))
    shell.tell(text("error: {message}", message=error.message), error.code)
    for detail in filter(None, (error.hint, *_notes(error))):
        shell.say(f"       {visible(detail)}")


def _document(code: str, message: str, hint: str = "", exit_code: int = 1, **more: object) -> dict[str, object]:
    """An error as JSON."""
    told: dict[str, object] = {"code": code, "message": message, "hint": hint, "problems": [], **more}
    return {"error": told, "exit_code": exit_code}


def _notes(error: ReconcilerError) -> list[str]:
    """What else went wrong while the error passed through, such as a lock that could not be released."""
    return getattr(error, "__notes__", [])


def _no_memory(shell: Shell) -> int:
    gc.collect()
    message = text("there is not enough memory, and nothing more was done")
    hint = text("allow it more (ulimit -v, the limit of its container); `reconciler status` shows the last apply")
    if shell.wants_document:
        shell.document(_document("out-of-memory", message, hint))
    shell.say(text("error: {message}\n       {hint}", message=message, hint=hint), "out-of-memory")
    return 1


def _unexpected(error: Exception, shell: Shell) -> int:
    if shell.interrupted:  # an interrupt during an import arrives as an ImportError
        shell.say(text("interrupted"))
        return EXIT_INTERRUPTED
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else ""  # noqa: PTH119
    message = text("internal error: {name}{where}; please report it", name=type(error).__name__, where=where)
    if shell.wants_document:
        shell.document(_document("internal-error", message))
    shell.say(message, "internal-error")
    return 1
