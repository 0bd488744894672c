"""The console entry point, as `reconciler` on the path starts it."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.cli.main import process
from tests.process import Workplace
from tests.sandbox.wire import until

GOOD = "version: 1\ncompany: {abbreviate: acme}\nagents: []\n"
LINGERING = """
import atexit, sys, threading, time
import reconciler.cli.main as m
def lingering(arguments, shell):
    threading.Thread(target=time.sleep, args=(3600,)).start()
    atexit.register(print, "exit functions ran")
    sys.stdout.write("all of it")
    return {code}
m._run = lingering
m.process()
"""
ENDLESS = """
import sys, time
import reconciler.cli.main as m
def endless(*_, **__):
    print("begun", flush=True)
    time.sleep(3600)
m.cli.main = endless
m.process()
"""


def run(place: Workplace, *command: str | Path) -> tuple[int, str, str]:
    """Code, stdout and stderr of a command in the folder."""
    done = subprocess.run(
        command, cwd=place.folder, env=place.environment(), capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_the_installed_command_is_this_one() -> None:
    """The console script that the package declares calls `process`."""
    (declared,) = entry_points(group="console_scripts", name="reconciler")
    assert declared.load() is process


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("how", ["script", "module"])
def test_the_command_as_it_is_installed(offline: Workplace, how: str) -> None:
    """Both ways to start it give the contract's codes, the whole output, and complaints on stderr."""
    script = Path(sys.executable).with_name("reconciler")
    command = [script] if how == "script" else [sys.executable, "-m", "reconciler"]
    assert run(offline, *command, "--version") == (0, f"reconciler, version {__version__}\n", "")
    offline.write(GOOD)
    code, _, _ = run(offline, *command, "validate")
    assert code == 0
    offline.write("version: 2\n")
    code, out, err = run(offline, *command, "validate")
    assert (code, out) == (1, "")
    assert "version" in err
    code, out, err = run(offline, *command, "no-such-command")
    assert (code, out) == (64, "")
    assert "no-such-command" in err


@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_it_ends_at_once(offline: Workplace, code: int) -> None:
    """It leaves with the command's code and output, and waits for no thread and no exit function."""
    assert run(offline, sys.executable, "-c", LINGERING.format(code=code)) == (code, "all of it", "")


def test_what_cannot_even_be_told_is_an_error(offline: Workplace) -> None:
    """An error that escapes `main` is exit 1, and no traceback."""
    code = "import reconciler.cli.main as m\ndef broken(): raise MemoryError\nm.main = broken\nm.process()"
    assert run(offline, sys.executable, "-c", code) == (1, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_130(offline: Workplace, number: signal.Signals) -> None:
    """Interrupted from outside it says so in one line, and its code is 130."""
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS], cwd=offline.folder, env=offline.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as started:  # fmt: skip
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == "begun\n"
            started.send_signal(number)
            until(lambda: started.poll() is not None)
            assert (started.communicate(), started.returncode) == (("", "interrupted\n"), 130)
        finally:
            started.kill()


def test_garbage_is_looked_for_more_rarely(offline: Workplace) -> None:
    """While imports make many values that stay, the collector looks through them less often than by itself."""
    code = "import gc\nimport reconciler.cli.main as m\nm.main = lambda: print(gc.get_threshold()[0], flush=True)\n"
    _, out, _ = run(offline, sys.executable, "-c", f"{code}m.process()")
    assert int(out) > gc.get_threshold()[0]
