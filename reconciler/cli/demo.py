"""`reconciler demo`: the main job once, on a sandbox of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from reconciler.cli.shell import Shell
from reconciler.cli.shipped import shipped
from reconciler.core.model.message import text
from reconciler.errors import ReconcilerError, install_hint
from reconciler.files.child_environment import bare

# -P: a module that lies in the folder by chance is not imported.
_RECONCILER: Final = (sys.executable, "-P", "-m", "reconciler")
_SANDBOX: Final = ("sandbox", "--agents", "30", "--port", "0", "--company", "acme:4242")
_STEPS: Final = (("validate",), ("plan",), ("apply", "--auto-approve"), ("plan", "--detailed-exitcode"))
_TOKEN: Final = "demo"  # noqa: S105 - of a sandbox that ends with the demo


@click.command()
@click.pass_obj
def demo(shell: Shell) -> None:
    """Do the main job once, on a sandbox of 30 agents: validate, plan, apply, and a plan that is empty.

    It takes some seconds, reaches no network, and writes only into a temporary folder, which it deletes.

    \b
    Example:
      reconciler demo
    """
    if find_spec("aiohttp") is None:
        raise ReconcilerError("extra-missing", text("the sandbox needs aiohttp"), install_hint("sandbox"))
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as name:
        folder = Path(name)
        (folder / "agents.yaml").write_bytes(shipped("agents.yaml").read_bytes())
        (folder / "secrets").mkdir(mode=0o700)
        (folder / "secrets/8005.txt").write_text("a-Password-from-a-file\n", encoding="utf-8")
        (folder / "secrets/8005.txt").chmod(0o600)
        shell.data(f"{text('Starting a sandbox with 30 agents.')}\n")
        with _sandbox({**bare(os.environ), "RECONCILER_SANDBOX_TOKEN": _TOKEN}) as endpoint:
            ours = {"RECONCILER_ENDPOINT": endpoint, "RECONCILER_TOKEN": _TOKEN}
            _steps(shell, folder, {**bare(os.environ), **ours, "AGENT_8003_PASSWORD": "a-Password-from-outside"})
    shell.data(f"\n{text('The second plan is empty: what the file says is what the vendor has.')}\n")


@contextmanager
def _sandbox(environment: Mapping[str, str]) -> Iterator[str]:
    """A sandbox in a process of its own, while the body runs; its base URL."""
    command = [*_RECONCILER, *_SANDBOX]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            said = process.stdout.readline() if process.stdout else ""
            _, found, address = said.partition("http://")
            if not found:
                raise ReconcilerError(
                    "demo-failed", text("the sandbox did not start"), text("`reconciler sandbox` shows why")
                )
            yield f"http://{address.split()[0]}"
        finally:
            process.terminate()


def _steps(shell: Shell, folder: Path, environment: Mapping[str, str]) -> None:
    for arguments in _STEPS:
        shell.data(f"\n$ reconciler {' '.join(arguments)}\n")
        command = [*_RECONCILER, *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=False)  # noqa: S603
        shown = done.stdout.decode()
        if arguments[0] == "apply" and done.returncode == 0:
            shown = shown[shown.index("\nApplied") + 1 :]  # the plan was shown just before
        shell.data(shown)
        if done.returncode:
            raise ReconcilerError(
                "demo-failed",
                text("the demo ended at this step with exit code {returncode}", returncode=done.returncode),
                text("please report it"),
            )
