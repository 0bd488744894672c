"""The HTTP face of the sandbox. Of the whole project, this file alone needs aiohttp (the extra `sandbox`)."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from reconciler.sandbox.answers import (
    BODY_TOO_LARGE,
    METHOD_NOT_ALLOWED,
    NOT_DECLARED_JSON,
    NOT_JSON,
    PATH_UNKNOWN,
    SUCCESS,
    TOO_MANY_REQUESTS,
    Answer,
    RefusedError,
    turned_away,
)
from reconciler.sandbox.console import Console
from reconciler.sandbox.door import Bucket, Door
from reconciler.sandbox.handlers import HANDLERS
from reconciler.sandbox.pool import USUAL_SIZE
from reconciler.sandbox.seed import MOST_AGENTS, plant
from reconciler.sandbox.store import USUAL_COMPANY_ID, Store
from reconciler.sandbox.vendor import Call, Company, Vendor

PREFIX = "/api/v1/config/openapi/agent/"
LARGEST_BODY = 16 * 2**20  # bytes
LARGEST_PORT = 65_535
GRACE = 1.0  # seconds for requests in flight at shutdown


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a sandbox is to be run.

    `data`: the SQLite file, None for memory. `agents`: how many to invent when it holds none. `token`: None
    for any that is not empty. `latency`: milliseconds before each answer. `rate`: requests a second, None for
    any. `company`: `ABBREVIATE[:ID]`, None for any. `sip_numbers`: size of the SIP pool, None for enough.

    Raises:
        ValueError: a value is out of range, or `company` is malformed.
    """

    host: str = "127.0.0.1"
    port: int = 8787
    data: Path | None = None
    agents: int = 0
    seed: int = 0
    token: str | None = None
    latency: float = 0
    rate: float | None = None
    company: str | None = None
    success_code: int = SUCCESS
    sip_numbers: int | None = None
    quirks: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.agents <= MOST_AGENTS:
            raise ValueError(f"agents must be between 0 and {MOST_AGENTS}")
        if not 0 <= self.port <= LARGEST_PORT:
            raise ValueError(f"port must be between 0 and {LARGEST_PORT}")
        if self.latency < 0 or (self.sip_numbers or 0) < 0:
            raise ValueError("latency and sip_numbers must not be negative")
        if self.rate is not None and self.rate <= 0:
            raise ValueError("rate must be above 0")
        if self.token == "":
            raise ValueError("token must not be empty")
        if self.company is not None:
            Company.parsed(self.company)


@dataclass(frozen=True, slots=True)
class Box:
    """A running sandbox: `url` without a path, and `store`, the way to what it keeps."""

    url: str
    store: Console


def serve(options: Options, announce: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; `announce` gets one line, with the URL, once requests are accepted.

    Raises:
        OSError: the address cannot be listened on.
        ValueError: `options.data` names no file of a sandbox.
    """
    with closing(_stocked(options)) as store, suppress(KeyboardInterrupt):
        asyncio.run(_until_signalled(options, store, announce))


@contextmanager
def running(**options: Any) -> Iterator[Box]:
    """Runs a sandbox in a thread until the block ends; takes the fields of `Options`, by default a free port.

    Raises:
        OSError: the address cannot be listened on.
        ValueError: an option is out of range.
    """
    chosen = Options(**{"port": 0, **options})
    with closing(_stocked(chosen)) as store, _in_thread(chosen, store) as url:
        yield Box(url, Console(store))


def application(options: Options, store: Store) -> web.Application:
    """The aiohttp application, which answers every path."""
    face = _Face(options, store)
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", face.dispatch)
    return app


class _Face:
    """Turns HTTP requests into calls and answers into HTTP responses."""

    def __init__(self, options: Options, store: Store) -> None:
        company = None if options.company is None else Company.parsed(options.company)
        self._vendor = Vendor(store, company, options.success_code, options.quirks)
        self._door = Door(options.token, None if options.rate is None else Bucket(options.rate))
        self._latency = options.latency / 1000

    async def dispatch(self, request: web.Request) -> web.Response:
        """One request's way: receive, check, act (which commits), respond."""
        await asyncio.sleep(self._latency)
        try:
            call = await self._receive(request)
        except RefusedError as refusal:
            return _response(refusal.answer)
        return _response(self._settle(call))

    async def _receive(self, request: web.Request) -> Call:
        self._door.count()
        endpoint = _endpoint(request)
        self._door.admit(request.headers.get("token", ""))
        if request.content_type != "application/json":
            raise turned_away(NOT_DECLARED_JSON, "Content-Type 应为 application/json")
        return Call(endpoint, await _json_object(request))

    def _settle(self, call: Call) -> Answer:
        try:
            return self._vendor.act(self._vendor.check(call))
        except RefusedError as refusal:
            return self._vendor.refuse(call, refusal)


def _endpoint(request: web.Request) -> str:
    endpoint = request.path.removeprefix(PREFIX)
    if not request.path.startswith(PREFIX) or endpoint not in HANDLERS:
        raise turned_away(PATH_UNKNOWN, "接口不存在")
    if request.method != "POST":
        raise turned_away(METHOD_NOT_ALLOWED, "请求方法应为 POST")
    return endpoint


async def _json_object(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except web.HTTPRequestEntityTooLarge as error:
        raise turned_away(BODY_TOO_LARGE, "请求体过大") from error
    except (ValueError, RecursionError) as error:
        raise turned_away(NOT_JSON, "请求体不是合法的JSON") from error
    if not isinstance(body, dict):
        raise turned_away(NOT_JSON, "请求体应为JSON对象")
    return body


def _response(answer: Answer) -> web.Response:
    # "replace": a refusal may name a parameter whose name is half a surrogate pair.
    body = json.dumps(answer.envelope(), ensure_ascii=False).encode(errors="replace")
    headers = {"Retry-After": "1"} if answer.http == TOO_MANY_REQUESTS else None
    return web.Response(
        body=body, status=answer.http, headers=headers, content_type="application/json", charset="utf-8"
    )


def _stocked(options: Options) -> Store:
    """The store, with invented agents when it would hold none."""
    company_id = USUAL_COMPANY_ID if options.company is None else Company.parsed(options.company).row_id
    sip_numbers = max(USUAL_SIZE, 2 * options.agents) if options.sip_numbers is None else options.sip_numbers
    store = Store(options.data, sip_numbers=sip_numbers, company_id=company_id, seed=options.seed)
    with store.transaction():
        if options.agents and store.count() == 0:
            plant(store, options.agents, options.seed)
    return store


@contextmanager
def _in_thread(options: Options, store: Store) -> Iterator[str]:
    """Serves from a thread with its own event loop; gives the URL."""
    ready: Future[tuple[str, Callable[[], None]]] = Future()
    thread = threading.Thread(target=asyncio.run, args=(_until_told(options, store, ready),), daemon=True)
    thread.start()
    url, stop = ready.result()
    try:
        yield url
    finally:
        stop()
        thread.join()


async def _until_told(options: Options, store: Store, ready: Future[tuple[str, Callable[[], None]]]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    runner = _runner(options, store)
    try:
        url = await _listening(runner, options)
        ready.set_result((url, lambda: _tell(loop, stop)))
        await stop.wait()
    except (OSError, ValueError) as error:  # a host that is no name at all is a UnicodeError
        ready.set_exception(error)
    finally:
        await runner.cleanup()


def _tell(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    loop.call_soon_threadsafe(stop.set)


async def _until_signalled(options: Options, store: Store, announce: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # not every platform's loop can; there SIGINT raises KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = _runner(options, store)
    try:
        announce(_greeting(await _listening(runner, options), options, store))
        await stop.wait()
    finally:
        await runner.cleanup()


def _runner(options: Options, store: Store) -> web.AppRunner:
    return web.AppRunner(application(options, store), access_log=None, shutdown_timeout=GRACE)


async def _listening(runner: web.AppRunner, options: Options) -> str:
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _greeting(url: str, options: Options, store: Store) -> str:
    with store.transaction():
        count = store.count()
    token = "any that is not empty" if options.token is None else "the one given"
    return f"sandbox listening on {url} (agents: {count}, token: {token})"
