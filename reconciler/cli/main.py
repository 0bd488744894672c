"""The entry point: the command group, and one table from error to exit code."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import sys
from importlib import import_module
from typing import NoReturn, TextIO

import click

from reconciler import __version__
from reconciler.cli.shell import Shell
from reconciler.errors import InvalidFiles, MissingSecrets, ReconcilerError, StalePlan

EXIT_INTERRUPTED = 130
EXIT_USAGE = 64


class Commands(click.Group):
    """The commands, each of which is imported when it is asked for: `plan` need not know how `export` works."""

    NAMES = (
        *("validate", "plan", "apply", "show-plan", "show", "explain", "export", "fmt", "import-csv", "init"),
        *("status", "credentials", "ledger", "schema", "sandbox"),
    )

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Every name, in order of the alphabet."""
        return sorted(self.NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command of a name, or nothing."""
        if cmd_name not in self.NAMES:
            return None
        name = cmd_name.replace("-", "_")
        found: click.Command = getattr(import_module(f"reconciler.cli.{name}"), name)
        return found


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `reconciler sandbox --agents 30` and the README; `reconciler COMMAND --help` says more.",
)
@click.version_option(__version__, prog_name="reconciler")
def cli() -> None:
    """Keep call-centre agents (坐席) in git.

    A YAML file says how the agents of a company should be. `validate` checks it, `plan` compares it with the
    vendor's live agents and shows what would change, `apply` makes it so.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit with the contract's code (contract, section 4). Never a traceback."""
    for name in ("stdout", "stderr"):
        setattr(sys, name, _writable(getattr(sys, name)))
    shell = Shell()

    def interrupt(*_: object) -> NoReturn:
        shell.interrupted = True
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):  # a pipeline's cancel is an interrupt
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    code = _run(arguments, shell)
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    sys.exit(code)


def process() -> NoReturn:
    """`main`, and then the process's end, at once.

    The interpreter would free hundreds of thousands of values one by one, and wait for answers that nobody will read.
    """
    gc.set_threshold(50_000)  # else it would look through what is imported several times
    code: object = 1  # of what cannot even be told, such as an output that takes nothing
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:  # another one, on the way out
        code = EXIT_INTERRUPTED
    finally:
        os._exit(code if isinstance(code, int) else 1)


def _writable(stream: TextIO | None) -> TextIO:
    """The stream in UTF-8, whose writes are whole; one that nobody reads where it was closed before we began."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - until the process ends
    if isinstance(stream, io.TextIOWrapper):
        if isinstance(stream.buffer, io.RawIOBase):  # with PYTHONUNBUFFERED, where a short write would go unnoticed
            stream = io.TextIOWrapper(io.BufferedWriter(stream.detach()), line_buffering=True)
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    return stream


def _run(arguments: list[str] | None, shell: Shell) -> int:
    try:
        code = cli.main(arguments, prog_name="reconciler", standalone_mode=False, obj=shell)
    except click.UsageError as error:
        if shell.json:
            told = {"message": error.format_message(), "hint": "", "problems": []}
            shell.document({"error": told, "exit_code": EXIT_USAGE})
        error.show()
        return EXIT_USAGE
    except ReconcilerError as error:
        _tell(error, shell)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        shell.say("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        shell.say(f"error: the output cannot be written: {error.strerror}; `reconciler status` shows the last apply")
        return 1
    except Exception as error:  # noqa: BLE001 - a traceback could show a secret; its place is enough for a report
        if shell.interrupted:  # in the middle of an import it arrives as the import's own error
            shell.say("interrupted")
            return EXIT_INTERRUPTED
        return _unexpected(error, shell)
    return code if isinstance(code, int) else 0


def _tell(error: ReconcilerError, shell: Shell) -> None:
    problems = error.problems if isinstance(error, InvalidFiles | MissingSecrets) else ()
    if shell.json:
        from reconciler.render import json as rendered

        told = {"message": error.message, "hint": error.hint, "problems": rendered.problems(problems)}
        moved = {"moved": rendered.stale_agents(error.moved)} if isinstance(error, StalePlan) else {}
        shell.document({"error": {**told, **moved}, "exit_code": error.exit_code})
    from reconciler.render.terminal import visible
    from reconciler.render.text import problems as in_words

    if problems:
        shell.say(in_words(problems, color=shell.talks))
    for line in (f"error: {error.message}", *(f"       {more}" for more in (error.hint, *_notes(error)) if more)):
        shell.say(visible(line))


def _notes(error: ReconcilerError) -> list[str]:
    """What else went wrong on the way out, such as a lock that could not be released."""
    return getattr(error, "__notes__", [])


def _unexpected(error: Exception, shell: Shell) -> int:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else ""  # noqa: PTH119
    message = f"internal error: {type(error).__name__}{where}; please report it"
    if shell.json:
        shell.document({"error": {"message": message, "hint": "", "problems": []}, "exit_code": 1})
    shell.say(message)
    return 1
