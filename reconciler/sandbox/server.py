"""The sandbox over HTTP. No other module of the project needs aiohttp (the extra `sandbox`)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    RefusedError,
    turned_away,
)
from reconciler.sandbox.console import Console
from reconciler.sandbox.delivery import Delivery
from reconciler.sandbox.door import Door, TokenBucket
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.handlers import HANDLERS
from reconciler.sandbox.pool import USUAL_SIZE
from reconciler.sandbox.rulefile import rules_in
from reconciler.sandbox.rules import rules_of
from reconciler.sandbox.seed import MOST_AGENTS, invent_agents
from reconciler.sandbox.staging import FaultInjector
from reconciler.sandbox.store import USUAL_COMPANY_ID, AgentStore
from reconciler.sandbox.traffic import Hold
from reconciler.sandbox.vendor import Vendor, VendorCall, VendorCompany

PREFIX = "/api/v1/config/openapi/agent/"
LARGEST_BODY = 16 * 2**20  # bytes
LARGEST_PORT = 65_535
GRACE = 1.0  # seconds for requests in flight at shutdown
DROPS_A_SECOND = 500  # an event loop cannot keep much shorter steps; a long answer drips in larger drops instead

RuleBody = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """How a sandbox is to run.

    `data`: the SQLite file, None for memory. `agents`: how many agents to invent when `data` holds none. `token`:
    None for any that is not empty. `latency`: milliseconds before each answer. `rate`: requests a second, None for
    no limit. `company`: `ABBREVIATE[:ID]`, None for any. `sip_numbers`: size of the SIP pool, None for enough.
    `faults`: a YAML file of fault rules, read once at the start; `seed` also decides their probabilities.

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
    faults: Path | None = None

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
            VendorCompany.parsed(self.company)


@dataclass(frozen=True, slots=True)
class Box:
    """A running sandbox. `url` has no path; `store` reads and changes its agents; `script` holds its faults."""

    url: str
    store: Console
    script: Faults

    def faults(self, rules: Sequence[RuleBody] = (), *, seed: int | None = None) -> None:
        """Puts these rules, each as in a fault file, in the place of the earlier ones, with every counter at 0.

        Requests that earlier rules still hold back are given up: late writes are not committed, connections are cut.
        `seed` decides the probabilities; by default the sandbox's seed does.

        Raises:
            ValueError: a rule is wrong; the earlier rules stay in force.
        """
        self.script.replace(rules_of(rules), seed)

    def release(self) -> None:
        """Ends the waiting of every request that a fault holds back, and returns when they are over.

        A late write is committed, a slow answer is sent, a hanging connection is closed: no test has to wait.
        """
        self.script.traffic.settle(go_on=True)


def serve(options: SandboxOptions, announce: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; `announce` gets one line, with the URL, once requests are accepted.

    Raises:
        OSError: the server cannot listen on the address.
        ValueError: `options.data` is no sandbox's database, or `options.faults` is no file of rules.
    """
    faults = _load_faults(options)
    with closing(_open_store(options)) as store, suppress(KeyboardInterrupt):
        asyncio.run(_serve_until_signalled(options, store, faults, announce))


@contextmanager
def running(**options: Any) -> Iterator[Box]:
    """Runs a sandbox in a thread until the block ends; takes the fields of `SandboxOptions`, by default a free port.

    `faults` may also be a list of rules, as `Box.faults` takes them.

    Raises:
        OSError: the server cannot listen on the address.
        ValueError: an option is out of range, or a rule is wrong.
    """
    faults = options.get("faults")
    file, rules = (faults, ()) if faults is None or isinstance(faults, Path) else (None, faults)
    chosen = SandboxOptions(**{"port": 0, **options, "faults": file})
    script = _load_faults(chosen, rules)
    with closing(_open_store(chosen)) as store, _in_thread(chosen, store, script) as url:
        yield Box(url, Console(store, script), script)


def application(options: SandboxOptions, store: AgentStore, faults: Faults) -> web.Application:
    """The aiohttp application, which answers every path."""
    face = _HttpFace(options, store, faults)
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", face.dispatch)
    app.on_shutdown.append(face.end)
    return app


class _HttpFace:
    """Turns HTTP requests into calls, and sends what comes back."""

    def __init__(self, options: SandboxOptions, store: AgentStore, faults: Faults) -> None:
        company = None if options.company is None else VendorCompany.parsed(options.company)
        self._injector = FaultInjector(Vendor(store, company, options.success_code, options.quirks), faults)
        self._door = Door(options.token, None if options.rate is None else TokenBucket(options.rate))
        self._latency = options.latency / 1000

    async def dispatch(self, request: web.Request) -> web.StreamResponse:
        """Answers one request: receives it, perhaps holds it back, acts (which commits), and responds."""
        await asyncio.sleep(self._latency)
        try:
            call = await self._receive(request)
        except RefusedError as refusal:
            return _response(self._injector.turn_away(request.path.removeprefix(PREFIX), refusal))
        with self._injector.faults.traffic.under_way() as hold:
            return await self._answer(request, call, hold)

    async def end(self, _: web.Application) -> None:
        """Gives up the requests that are held back, so that they do not keep the server from ending."""
        self._injector.faults.traffic.let_go(go_on=False)

    async def _answer(self, request: web.Request, call: VendorCall, hold: Hold) -> web.StreamResponse:
        faulted = self._injector.enter(call, request.headers["token"])
        if not await _wait(hold, faulted.delay):
            return _sever(request)
        delivery = faulted.act()
        if not await _wait(hold, delivery.wait):
            return _sever(request)
        if delivery.manner == "whole":
            return _response(delivery)
        if delivery.manner == "drip-head":
            return await _drip_from_the_head(request, delivery, hold)
        if delivery.manner in ("drip", "cut"):
            return await _stream(request, delivery, hold)
        return _sever(request, reset=delivery.manner == "reset")

    async def _receive(self, request: web.Request) -> VendorCall:
        self._door.count()
        endpoint = _endpoint(request)
        self._door.admit(request.headers.get("token", ""))
        if request.content_type != "application/json":
            raise turned_away(NOT_DECLARED_JSON, "Content-Type 应为 application/json")
        return VendorCall(endpoint, await _json_object(request))


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


def _response(delivery: Delivery) -> web.Response:
    return web.Response(body=delivery.body, status=delivery.status, headers=_headers(delivery))


def _headers(delivery: Delivery) -> dict[str, str]:
    headers = {"Content-Type": f"{delivery.content_type}; charset=utf-8"}
    more = {"Retry-After": delivery.retry_after, "Content-Encoding": delivery.encoding}
    return headers | {name: value for name, value in more.items() if value is not None}


async def _wait(hold: Hold, seconds: float) -> bool:
    """Waits for so many seconds, or until the hold is let go; False when the request is given up."""
    if seconds <= 0:
        return True
    await asyncio.wait([asyncio.wrap_future(hold.let_go)], timeout=seconds)
    return not hold.given_up


def _sever(request: web.Request, *, reset: bool = False) -> web.Response:
    """Ends the TCP connection, by FIN or by RST. aiohttp demands a response, and cannot send it any more."""
    transport = request.transport
    if transport is not None and reset:
        no_lingering = struct.pack("HH" if os.name == "nt" else "ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
        transport.abort()
    elif transport is not None:
        transport.close()
    return web.Response()


async def _stream(request: web.Request, delivery: Delivery, hold: Hold) -> web.StreamResponse:
    """Announces the whole length; then sends the body in drops, or half of it and the end of the connection."""
    body = delivery.body
    response = web.StreamResponse(status=delivery.status, headers=_headers(delivery))
    response.content_length = len(body)
    if delivery.manner == "cut":
        response.force_close()
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return response
    with suppress(ConnectionError):  # the client may have closed the connection
        await response.prepare(request)
        if await _drip(response, delivery, hold):
            return response
    return _sever(request)


async def _drip_from_the_head(request: web.Request, delivery: Delivery, hold: Hold) -> web.Response:
    """Sends the answer by hand, from its first line on, in drops, and ends the connection."""
    headers = {**_headers(delivery), "Content-Length": str(len(delivery.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {delivery.status} sandbox", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    whole = "\r\n".join(lines).encode() + delivery.body
    drops, let_go = min(len(whole), max(1, int(delivery.pace * DROPS_A_SECOND))), asyncio.wrap_future(hold.let_go)
    size = -(-len(whole) // drops)
    for start in range(0, len(whole), size):
        if request.transport is None or hold.given_up:  # the client has gone, or is to be left
            break
        request.transport.write(whole[start : start + size])
        await asyncio.wait([let_go], timeout=delivery.pace / drops)
    return _sever(request)


async def _drip(response: web.StreamResponse, delivery: Delivery, hold: Hold) -> bool:
    """Sends the body drop by drop; False when the request is given up meanwhile."""
    body, drops = delivery.body, min(len(delivery.body), max(1, int(delivery.pace * DROPS_A_SECOND)))
    size = -(-len(body) // drops)
    let_go = asyncio.wrap_future(hold.let_go)
    for start in range(0, len(body), size):
        await response.write(body[start : start + size])
        await asyncio.wait([let_go], timeout=delivery.pace / drops)
        if hold.given_up:
            return False
    return True


def _load_faults(options: SandboxOptions, rules: Sequence[RuleBody] = ()) -> Faults:
    """The faults of the options' file; without a file, those of the rules."""
    return Faults(rules_of(rules) if options.faults is None else rules_in(options.faults), options.seed)


def _open_store(options: SandboxOptions) -> AgentStore:
    """The store, with invented agents if it holds none."""
    company_id = USUAL_COMPANY_ID if options.company is None else VendorCompany.parsed(options.company).row_id
    sip_numbers = max(USUAL_SIZE, 2 * options.agents) if options.sip_numbers is None else options.sip_numbers
    store = AgentStore(options.data, sip_numbers=sip_numbers, company_id=company_id, seed=options.seed)
    with store.transaction():
        if options.agents and store.count() == 0:
            invent_agents(store, options.agents, options.seed)
    return store


@contextmanager
def _in_thread(options: SandboxOptions, store: AgentStore, faults: Faults) -> Iterator[str]:
    """Serves from a thread with its own event loop until the block ends; yields the URL."""
    ready: Future[tuple[str, Callable[[], None]]] = Future()
    runner = _runner(options, store, faults)
    thread = threading.Thread(target=asyncio.run, args=(_serve_until_stopped(options, runner, ready),), daemon=True)
    thread.start()
    url, stop = ready.result()
    try:
        yield url
    finally:
        stop()
        thread.join()


async def _serve_until_stopped(
    options: SandboxOptions, runner: web.AppRunner, ready: Future[tuple[str, Callable[[], None]]]
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    try:
        url = await _listen(runner, options)
        ready.set_result((url, lambda: _set_from_thread(loop, stop)))
        await stop.wait()
    except (OSError, ValueError) as error:  # an impossible host name raises UnicodeError
        ready.set_exception(error)
    finally:
        await runner.cleanup()


def _set_from_thread(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    loop.call_soon_threadsafe(stop.set)


async def _serve_until_signalled(
    options: SandboxOptions, store: AgentStore, faults: Faults, announce: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # not every platform's loop can; SIGINT then raises KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = _runner(options, store, faults)
    try:
        announce(_greeting(await _listen(runner, options), options, store, faults.count))
        await stop.wait()
    finally:
        await runner.cleanup()


def _runner(options: SandboxOptions, store: AgentStore, faults: Faults) -> web.AppRunner:
    return web.AppRunner(application(options, store, faults), access_log=None, shutdown_timeout=GRACE)


async def _listen(runner: web.AppRunner, options: SandboxOptions) -> str:
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _greeting(url: str, options: SandboxOptions, store: AgentStore, rules: int) -> str:
    with store.transaction():
        count = store.count()
    token = "any that is not empty" if options.token is None else "the one given"
    scripted = f", faults: {rules}" if rules else ""
    return f"sandbox listening on {url} (agents: {count}, token: {token}{scripted})"
