"""A `reconciler` for scripts that starts at once: the program on their PATH hands itself over to a server.

`python -m tests.on_path SOCKET` imports everything once. The program sends it arguments, environment, folder and open
files; the server forks, and the new process runs the command from its entry point on. The program passes on the signals
that it gets, and ends as that process does. What differs from what users have, `tests/parent.py` says.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final

from tests.parent import ROOT, finish, preload

PROGRAM: Final = """#!{python} -IS
import os, signal, socket, sys
words = [os.getcwd(), *sys.argv[1:], "", *(f"{{name}}={{value}}" for name, value in os.environ.items())]
message = "\\0".join(words).encode(errors="surrogateescape")
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [len(message).to_bytes(4)], [0, 1, 2])
    server.sendall(message)
    pid = int.from_bytes(server.recv(4))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: os.kill(pid, number))
    code = server.recv(4)
sys.exit(int.from_bytes(code) if code else 128 + signal.SIGKILL)
"""
"""What stands on the PATH. Arguments end at the first empty word, so an empty argument cannot be handed over."""

_ENDING = ExitStack()


def put_reconciler(folder: Path) -> None:
    """Write the program `reconciler` into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "reconciler"
    program.write_text(PROGRAM.format(python=sys.executable, address=_server()), encoding="utf-8")
    program.chmod(0o755)


def end() -> None:
    """End the server, where there is one."""
    _ENDING.close()
    _server.cache_clear()


@cache
def _server() -> str:
    """Start the server of all programs that this worker writes, until `end`; returns its address."""
    address = str(Path(_ENDING.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-"))) / "socket")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.on_path", address], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    _ENDING.callback(process.communicate)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return address


def _serve(address: str) -> None:
    """Serve until stdin ends."""
    preload()
    from reconciler.cli.main import main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
            program, _ = listener.accept()
            head, files, _, _ = socket.recv_fds(program, 4, 3)
            if os.fork() == 0:
                listener.close()
                break
            program.close()
            for file in files:
                os.close(file)
        else:
            return
    _take_place(program, int.from_bytes(head), files)
    try:
        main()
    except SystemExit as ended:
        code = finish(ended.code)
        program.send(code.to_bytes(4))
        os._exit(code)


def _take_place(program: socket.socket, size: int, files: list[int]) -> None:
    """Turn this process into the program's, up to the call of its entry point."""
    message = b""
    while len(message) < size:
        message += program.recv(size)
    folder, *words = message.decode(errors="surrogateescape").split("\0")
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # The server's own streams know of its files whether one can seek in them.
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    os.chdir(folder)
    os.environ.clear()
    end = words.index("")
    for name, _, value in (word.partition("=") for word in words[end + 1 :]):
        os.environ[name] = value
    sys.argv[1:] = words[:end]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program.send(os.getpid().to_bytes(4))


if __name__ == "__main__":
    _serve(sys.argv[1])
