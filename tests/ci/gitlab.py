"""GitLab's file as its jobs really are, a job's scripts run as GitLab's runner runs them, and GitLab's API, small."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.ci.runner import EXAMPLES
from tests.on_path import put_reconciler
from tests.process import Ran, Workplace

FILE: Final = EXAMPLES / "gitlab/.gitlab-ci.yml"
HELPER: Final = EXAMPLES / "gitlab/merge_request.py"
PAGE: Final = 2
"""Rows in one answer of the API, whatever was asked for: everything has several pages."""


def _documents(text: str) -> list[Any]:
    """The header with the inputs, and the pipeline."""
    return list(yaml.safe_load_all(text))


def jobs(text: str) -> dict[str, Any]:
    """Every job, with what it extends in it."""
    pipeline = _documents(text)[-1]
    names = [name for name, job in pipeline.items() if isinstance(job, dict) and ("script" in job or "extends" in job)]
    return {name: _extended(pipeline, name) for name in names if not name.startswith(".")}


def _extended(pipeline: Mapping[str, Any], name: str) -> dict[str, Any]:
    job = dict(pipeline[name])
    base = job.pop("extends", None)
    return job if base is None else _over(_extended(pipeline, base), job)


def _over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged key by key, all else is replaced."""
    both = {key: _over(base[key], top[key]) for key in base.keys() & top.keys() if isinstance(top[key], dict)}
    return {**base, **top, **both}


def resolved(folder: Path, text: str) -> list[Path]:
    """Header and pipeline as files, nothing hidden in templates, which the schema does not look into."""
    header, pipeline = _documents(text)
    rest = {key: value for key, value in pipeline.items() if not key.startswith(".")}
    files = [folder / "header.yml", folder / "pipeline.yml"]
    for file, document in zip(files, (header, {**rest, **jobs(text)}), strict=True):
        file.write_text(json.dumps(document), encoding="utf-8")
    return files


def script(job: Mapping[str, Any]) -> str:
    """What the runner makes of a job's lines."""
    return "\n".join([*job.get("before_script", []), *job["script"]])


def run(place: Workplace, name: str, env: Mapping[str, str], part: str = "script") -> Ran:
    """Run a job's script in the folder of the place, without its installation; `env` is what it knows of GitLab.

    `part` is `after_script` for what runs however the script has ended.
    """
    job = jobs(FILE.read_text(encoding="utf-8"))[name]
    bin_ = place.folder.parent / "bin"
    put_reconciler(bin_)
    (bin_ / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (bin_ / "python").chmod(0o755)
    variables = {name: str(value) for name, value in job.get("variables", {}).items() if "$[[" not in str(value)}
    known = {**place.environment(), "PATH": f"{bin_}:{os.environ['PATH']}", **variables, **env}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script({"script": job[part]})],
        cwd=place.folder,
        env=known,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass(slots=True)
class Api:
    """What GitLab answers: rows or objects by path behind the project, and what it was sent."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    written: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


@contextmanager
def api() -> Iterator[Api]:
    """GitLab's API of project 7, while the block lasts."""
    state = Api()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_port}/api/v4"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(state: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = self._asked()
            if path in state.redirects:
                self._answer(302, b"", Location=state.redirects[path])
            elif path not in state.answers:
                self._answer(404, b"{}")
            else:
                self._found(state.answers[path], query)

        def _found(self, answer: Any, query: dict[str, list[str]]) -> None:
            if isinstance(answer, list) and "page" in query:
                page = int(query["page"][0])
                more = str(page + 1) if len(answer) > page * PAGE else ""
                rows = answer[(page - 1) * PAGE : page * PAGE]
                self._answer(200, json.dumps(rows).encode(), **{"X-Next-Page": more})
            else:
                self._answer(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def _write(self) -> None:
            path, _ = self._asked()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.written.append((self.command, path, body))
            self._answer(200, b"{}")

        do_POST = do_PUT = _write  # noqa: N815

        def _asked(self) -> tuple[str, dict[str, list[str]]]:
            state.tokens.append(self.headers["PRIVATE-TOKEN"])
            url = urlsplit(self.path)
            return re.sub("^/api/v4/projects/7/", "", url.path), parse_qs(url.query)

        def _answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    return Handler
