"""A real S3 server process, and a look at what lies in it that owes nothing to the code under test."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import quote, urlsplit

BUCKET = "ledgers"
SECRET = "canary-secret-Rw7"
KEY_ID = "AKIACANARY"
SIGNED = {"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20261122/us-east-1/s3/aws4_request"}
"""Enough for the test server, which hides objects from strangers but checks no signature."""

PROGRAM = """
import moto.backends, moto.server
modules = tuple(moto.backends.list_of_moto_modules())
moto.backends.list_of_moto_modules = lambda: modules  # by itself it looks into its folder for every request
moto.server.main(["-H", "127.0.0.1", "-p", "0"])
"""


@dataclass(frozen=True, slots=True)
class Server:
    """An S3 server on this machine, with one bucket."""

    url: str

    def get(self, key: str) -> bytes | None:
        """What lies there."""
        status, body = self._ask("GET", f"/{BUCKET}/{quote(key)}")
        return body if status == 200 else None

    def put(self, key: str, data: bytes) -> None:
        """Overwrite it, whatever is there."""
        assert self._ask("PUT", f"/{BUCKET}/{quote(key)}", data)[0] == 200

    def delete(self, key: str) -> None:
        """Remove it by hand."""
        assert self._ask("DELETE", f"/{BUCKET}/{quote(key)}")[0] == 204

    def keys(self, prefix: str) -> list[str]:
        """All keys that begin like this."""
        _, body = self._ask("GET", f"/{BUCKET}?list-type=2&prefix={quote(prefix)}")
        return re.findall(r"<Key>(.*?)</Key>", body.decode())

    def make_bucket(self) -> None:
        """Make the one bucket."""
        assert self._ask("PUT", f"/{BUCKET}")[0] == 200

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        address = urlsplit(self.url)
        line = HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            line.request(method, path, body, SIGNED)
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()


def environment(url: str) -> Mapping[str, str]:
    """What makes a store talk to the server at `url`."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


@contextmanager
def serving() -> Iterator[Server]:
    """Start the server on a free port."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout
            said = iter(process.stdout.readline, "")
            url = next(found[0] for line in said if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            threading.Thread(target=lambda: list(said), daemon=True).start()
            server = Server(url)
            server.make_bucket()
            yield server
        finally:
            process.kill()
