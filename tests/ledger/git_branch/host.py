"""A bare repository, in a folder and behind git's own HTTP backend, and a look at it that owes nothing to our code."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

BRANCH = "reconciler/acme"
ALONE = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{role}_{part}": "x" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")},
}
"""A git that knows nothing of whoever runs the tests."""


def git(folder: Path, *arguments: str, data: bytes | None = None, check: bool = True, **env: str) -> str:
    """Run git there."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, env={**inherited, **ALONE, **env}, input=data, capture_output=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class Host:
    """A bare repository; `url` is where it is reached."""

    folder: Path
    url: str

    @property
    def named(self) -> str:
        """The branch as `--ledger` names it."""
        return f"git+{self.url}#{BRANCH}"

    def git(self, *arguments: str, data: bytes | None = None, check: bool = True) -> str:
        """Run git in it."""
        return git(self.folder, *arguments, data=data, check=check)

    def read(self, name: str) -> str:
        """A file of the branch; empty where there is none."""
        return self.git("show", f"{BRANCH}:{name}", check=False)

    @property
    def tip(self) -> str:
        """The branch's commit; empty where there is no branch."""
        return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}", check=False)

    @property
    def free(self) -> bool:
        """Whether nobody holds the lock."""
        note = self.read("lock")
        return not note or "released" in note

    def put(self, files: Mapping[str, str]) -> str:
        """Rewrite the branch: one commit without a past that holds these files and no others."""
        lines = [
            f"100644 blob {self.git('hash-object', '-w', '--stdin', data=text.encode())}\t{name}"
            for name, text in files.items()
        ]
        commit = self.git("commit-tree", "-m", "by hand", self.git("mktree", data="\n".join([*lines, ""]).encode()))
        self.git("update-ref", f"refs/heads/{BRANCH}", commit)
        return commit

    def hook(self, name: str, script: str) -> None:
        """Let the server run this at each push."""
        path = self.folder / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def objects(self) -> bytes:
        """The content of every object that ever came here, reachable or not."""
        listed = self.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").encode()
        return self.git("cat-file", "--batch", data=listed + b"\n").encode()


def made(folder: Path) -> Host:
    """A new bare repository in a folder."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare")
    git(folder, "config", "http.receivepack", "true")
    return Host(folder, str(folder))


class _Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: ClassVar[Path]
    seen: ClassVar[list[dict[str, str]]]

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append(dict(self.headers.items()))
        path, _, query = self.path.partition("?")
        env = {
            **ALONE, "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_ADDR": "127.0.0.1",
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.partition(": ")[::2] for line in head.decode().split("\r\n") if line]
        status = next((value.split()[0] for name, value in fields if name.lower() == "status"), "200")
        self.send_response(int(status))
        for name, value in fields:
            if name.lower() != "status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _any  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A line that broke is what the test asked for."""


@contextmanager
def serving(root: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Serve the repositories below `root` by git's HTTP backend: the base URL, and the headers of each request."""
    seen: list[dict[str, str]] = []
    handler: Any = type("Backend", (_Backend,), {"root": root, "seen": seen})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
