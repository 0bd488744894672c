"""A client of the YAML language server that editors use, over its standard input and output."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVER = Path(__file__).parent / "node_modules/yaml-language-server/bin/yaml-language-server"
SETTINGS = {"yaml": {"schemaStore": {"enable": False}, "completion": True, "hover": True, "validate": True}}


def missing() -> str:
    """Why the server cannot be run here; empty where it can."""
    if shutil.which("node") is None:
        return "there is no Node.js"
    return "" if SERVER.exists() else "npm ci was not run in tests/lsp"


@dataclass(slots=True)
class Editor:
    """An editor with one file open."""

    process: subprocess.Popen[bytes]
    folder: Path
    number: int = 0
    diagnostics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def open(self, name: str, text: str) -> str:
        """Open a file with this text; returns its address."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        uri = path.as_uri()
        self._notify(
            "textDocument/didOpen",
            {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}},
        )
        return uri

    def ask(self, method: str, uri: str, line: int, character: int) -> Any:
        """What the server says of a position, line and character from 0."""
        position = {"line": line, "character": character}
        return self.request(method, {"textDocument": {"uri": uri}, "position": position})

    def problems(self, uri: str) -> list[dict[str, Any]]:
        """What the server finds wrong with an open file; waits until it has looked."""
        while uri not in self.diagnostics:
            self._handle(self._read())
        return self.diagnostics[uri]

    def request(self, method: str, params: Any) -> Any:
        """Send a request and wait for its answer."""
        self.number += 1
        number = self.number
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._handle(message)

    def _handle(self, message: dict[str, Any]) -> None:
        """The server asks for settings and the like in between, and tells what is wrong with files."""
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message and "method" in message:
            asked = message["params"].get("items", []) if message["method"] == "workspace/configuration" else None
            result = None if asked is None else [SETTINGS.get(item["section"], {}) for item in asked]
            self._send({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _notify(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        stream = self.process.stdout
        assert stream is not None
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(stream.read(length))
        return message


@contextmanager
def editor(folder: Path) -> Iterator[Editor]:
    """An editor on a folder, for as long as the block takes."""
    command = ["node", str(SERVER), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        one = Editor(process, folder)
        completion = {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}}
        can = {"textDocument": {"completion": completion, "hover": {"contentFormat": ["markdown"]}}}
        root = folder.as_uri()
        one.request("initialize", {"processId": None, "rootUri": root, "capabilities": can})
        one._notify("initialized", {})
        one._notify("workspace/didChangeConfiguration", {"settings": SETTINGS})
        try:
            yield one
        finally:
            process.kill()
