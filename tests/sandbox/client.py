"""The least client there is, on the standard library, so that the sandbox's tests lean on none of the project."""

from __future__ import annotations

import hashlib
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PREFIX = "/api/v1/config/openapi/agent/"
JSON = "application/json"
TOKEN = "t"


def md5(text: str) -> str:
    """The form in which the vendor keeps a password."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    envelope: dict[str, Any]


class Client:
    """Sends one request per connection, as the company `acme`."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc

    def send(self, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> Reply:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), json.loads(response.read()))
        finally:
            connection.close()

    def raw(self, endpoint: str, body: bytes, *, token: str | None = TOKEN, content_type: str = JSON) -> Reply:
        headers = {"Content-Type": content_type} | ({} if token is None else {"token": token})
        return self.send(PREFIX + endpoint, body, headers)

    def post(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        """The envelope answered to exactly this body."""
        return self.raw(endpoint, json.dumps(body).encode()).envelope

    def call(self, endpoint: str, **body: Any) -> dict[str, Any]:
        """The envelope answered to this body and an abbreviate."""
        return self.post(endpoint, {"abbreviate": "acme", **body})

    def data(self, endpoint: str, **body: Any) -> Any:
        """The data answered to a call that must succeed."""
        envelope = self.call(endpoint, **body)
        assert (envelope["code"], envelope["msg"]) == (200, "成功"), envelope
        return envelope.get("data")

    def code(self, endpoint: str, **body: Any) -> int:
        return int(self.call(endpoint, **body)["code"])
