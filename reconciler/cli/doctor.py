"""`reconciler doctor`: looks at everything that a plan and an apply stand on, and changes nothing."""

from __future__ import annotations

import os
import platform
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import click

from reconciler import __version__
from reconciler.about import DISTRIBUTION, HOME
from reconciler.cli.options import connection_options, format_option
from reconciler.cli.shell import Shell
from reconciler.core.model.message import NOTHING, Text, joined, text, verbatim
from reconciler.errors import InvalidFiles, ReconcilerError, WrongUsage

if TYPE_CHECKING:
    from reconciler.cli.inputs import Options
    from reconciler.core.model.desired import DesiredState
    from reconciler.ledger.ledger import LedgerStore
    from reconciler.settings import Connection

Status = Literal["ok", "warning", "failed"]
CLOCK_WARNING: Final = 30
CLOCK_FAILED: Final = 120
"""Seconds between the vendor's clock and ours."""
_STYLES: Final = {"ok": "good", "warning": "edit", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it stands, what was found, and what to do about it."""

    check: str
    status: Status
    message: Text
    hint: Text = NOTHING


@click.command()
@connection_options
@format_option("text", "json")
@click.pass_obj
def doctor(shell: Shell, /, format_: str, **arguments: Any) -> None:
    """Look at the set-up and say what is wrong: ok, warning or failed, with what to do.

    Versions, files, recipients, the ledger and whether it may be written, DNS, connection, TLS, token, one page of the
    listing, and the clock. Nothing is changed, here or at the vendor. What cannot be looked at because of something
    that failed is left out. Exits with 1 when a line failed.

    \b
    Example:
      reconciler doctor --format json
    """
    from reconciler.cli.inputs import Options

    checks = list(_checks(Options(**arguments)))
    failed = any(each.status == "failed" for each in checks)
    if format_ == "json":
        shell.document({"checks": [asdict(each) for each in checks], "exit_code": int(failed)})
    else:
        shell.data("".join(_lines(checks, color=shell.color)))
    raise click.exceptions.Exit(int(failed))


def _lines(checks: list[Check], *, color: bool) -> Iterator[str]:
    from reconciler.render.terminal import paint, visible

    for each in checks:
        yield f"{paint(f'{each.status:8}', _STYLES[each.status], color=color)}{each.check:12}{visible(each.message)}\n"
        if each.hint:
            yield f"{'':20}{visible(each.hint)}\n"


def _checks(options: Options) -> Iterator[Check]:
    from reconciler.ledger.place import BooksPlace

    yield _versions()
    desired: DesiredState | None = None
    try:
        desired, found = _files(options)
        yield found
        yield _recipients(desired, remote=BooksPlace(Path(), options.ledger or "").remote)
    except ReconcilerError as error:
        yield _failed("files", error)
    yield from _ledger(options, desired)
    yield from _vendor(options, desired)


def _failed(check: str, error: ReconcilerError) -> Check:
    hint = text("reconciler validate shows them") if isinstance(error, InvalidFiles) else error.hint
    look = text("mend that; {home}/docs/diagnosis.md says what is looked at", home=HOME)
    return Check(check, "failed", error.message, hint or look)


def _versions() -> Check:
    from importlib.metadata import PackageNotFoundError, requires, version

    old = []
    try:
        for needed in requires(DISTRIBUTION) or ():
            bound = re.match(r"([\w-]+)>=([\d.]+)$", needed)
            if bound and _numbers(version(bound[1])) < _numbers(bound[2]):
                words = "{name} {version}, not {bound} or newer"
                old.append(text(words, name=bound[1], version=version(bound[1]), bound=bound[2]))
    except PackageNotFoundError as missing:
        old.append(text("{name} is not installed", name=missing.name))
    ours = verbatim(f"reconciler {__version__}, Python {platform.python_version()}, {platform.system()}")
    if old:
        hint = text("install {distribution} anew: it brings them", distribution=DISTRIBUTION)
        return Check("versions", "failed", text("{ours}: {old}", ours=ours, old=joined(old)), hint)
    return Check("versions", "ok", ours)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _files(options: Options) -> tuple[DesiredState, Check]:
    from reconciler.files.desired_files import load_desired

    desired = load_desired(options.files)
    words = "{agents} {agents:agent|agents} of {company} in {files} {files:file|files}"
    counts = {"agents": len(desired.agents), "files": len(desired.files)}
    return desired, Check("files", "ok", text(words, company=desired.company.abbreviate, **counts))


def _recipients(desired: DesiredState, *, remote: bool) -> Check:
    if desired.recipients:
        from reconciler.credentials.age import Sealer

        try:
            Sealer(desired.recipients)
        except ReconcilerError as error:
            return _failed("recipients", error)
        return Check(
            "recipients",
            "ok",
            text("{count} {count:public key|public keys} that can be encrypted for", count=len(desired.recipients)),
        )
    hint = text("name recipients: in the files; docs/credentials.md says how to make a key")
    if remote:
        return Check("recipients", "warning", text("none: an apply that makes credentials is refused"), hint)
    return Check("recipients", "warning", text("none: new credentials lie readable beside the ledger"), hint)


def _ledger(options: Options, desired: DesiredState | None) -> Iterator[Check]:
    from reconciler.cli.inputs import place_of
    from reconciler.ledger.books import remote_run, run_elsewhere
    from reconciler.ledger.journal import last_run
    from reconciler.ledger.ledger import load_ledger

    try:
        network = (options.ca_file, options.proxy)
        place = place_of(options.files, options.ledger, options.endpoint, *network, options.password_env)
    except WrongUsage:
        return  # the endpoint's own line tells
    except ReconcilerError as error:
        yield _failed("ledger", error)
        return
    try:
        with closing(place.store()) as store:
            known = store.read() is not None
            if desired is not None:
                load_ledger(store, desired.company, place.endpoint)
            store.check_rights()
            here, there = last_run(place.journal), remote_run(store)
            runs = [run for run in (run_elsewhere(here, there), here) if run is not None and run.open_intents]
            yield _held(store, known=known)
    except ReconcilerError as error:
        yield _failed("ledger", error)
        return
    for run in runs:
        words = "of {count} {count:call|calls} of the apply at {started} nobody knows the outcome"
        message = text(words, count=len(run.open_intents), started=run.started)
        yield Check("last apply", "warning", message, text("run apply again: it looks them up first"))


def _held(store: LedgerStore, *, known: bool) -> Check:
    if holder := store.holder():
        hint = text("wait until that apply is over; if it died: reconciler ledger unlock --id {id}", id=holder.id)
        words = text("{name} is locked by {who} since {since}", name=store.name, who=holder.who, since=holder.since)
        return Check("ledger", "warning", words, hint)
    if not store.remote and os.environ.get("CI"):
        hint = text(
            "name a place that outlives the runner, such as --ledger git+origin#reconciler/NAME (docs/ledger.md)"
        )
        return Check("ledger", "warning", text("{name} is on the disk of a pipeline's runner", name=store.name), hint)
    found = text("can be read") if known else text("holds nothing yet, the first apply makes it")
    told = "{name}: {found}; it may be written as far as can be told without writing"
    return Check("ledger", "ok", text(told, name=store.name, found=found))


def _vendor(options: Options, desired: DesiredState | None) -> Iterator[Check]:
    from reconciler import settings

    try:
        endpoint = settings.checked_endpoint(options.endpoint) if options.endpoint else None
        network = settings.network(options.ca_file, options.proxy)
    except WrongUsage as error:
        yield _failed("endpoint", error)
        return
    if endpoint is None:
        yield Check(
            "endpoint", "failed", text("no vendor to talk to"), text("pass --endpoint URL or set RECONCILER_ENDPOINT")
        )
        return
    yield (dns := _dns(network.proxy.url if network.proxy else endpoint))
    given, wait = os.environ.get("RECONCILER_TOKEN"), min(options.timeout, 30.0)
    try:
        connection = settings.connection(
            endpoint, given, options.token_file, parallelism=1, rate=0, timeout=wait, network=network
        )
    except ReconcilerError as error:
        yield _failed("token", error)
        return
    if dns.status == "ok" and desired is not None:
        yield from _one_page(connection, desired)


def _dns(url: str) -> Check:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        found = {str(address[4][0]) for address in socket.getaddrinfo(host, parts.port or 443)}
    except (OSError, UnicodeError) as error:
        hint = text(
            "check the spelling, and the DNS of this machine; where only a proxy knows the way, set RECONCILER_PROXY"
        )
        why = getattr(error, "strerror", None) or text("no name")
        return Check("dns", "failed", text("{host} has no address: {why}", host=host, why=why), hint)
    return Check("dns", "ok", text("{host} is {found}", host=host, found=", ".join(sorted(found))))


def _one_page(connection: Connection, desired: DesiredState) -> Iterator[Check]:
    """What one request for the first page tells of connection, TLS, token, page and clock."""
    from reconciler.core.wire import page_body
    from reconciler.vendor.answer import Lost, NotSent, Ok, Refused, whole_number
    from reconciler.vendor.http import connected
    from reconciler.vendor.trust import UNTRUSTED_HINT

    with connected(connection) as transport:
        outcome = transport.send("page", page_body(desired.company, 1))
        ahead = transport.server_time.local_ahead
    untrusted = isinstance(outcome, NotSent) and outcome.hint == UNTRUSTED_HINT
    if isinstance(outcome, NotSent) and not untrusted and not outcome.turned_away:
        hint = outcome.hint or text("check host and port, and whether a firewall or a proxy stands between")
        yield Check("connection", "failed", outcome.reason, hint)
        return
    yield Check("connection", "ok", text("{netloc} can be reached", netloc=urlsplit(connection.endpoint).netloc))
    if isinstance(outcome, NotSent) and untrusted:
        yield Check("tls", "failed", outcome.reason, outcome.hint)
        return
    plain = connection.endpoint.lower().startswith("http:")
    yield Check(
        "tls", "ok", text("not used: the endpoint is this machine") if plain else text("the certificate is trusted")
    )
    if isinstance(outcome, Refused) and outcome.authentication:
        hint = text("make a new token in the vendor's console, and check whose company it is for")
        yield Check("token", "failed", outcome.words, hint)
    elif isinstance(outcome, Refused):
        hint = text("check the endpoint's path, and company.abbreviate and companyId in the files")
        yield Check("page", "failed", outcome.words, hint)
    elif isinstance(outcome, Lost):
        yield Check(
            "page", "failed", outcome.reason, text("check the endpoint's path; -v shows how long the vendor takes")
        )
    elif isinstance(outcome, NotSent):
        yield Check(
            "page", "warning", outcome.reason, text("the vendor asks to slow down: lower --rate, and try again")
        )
    elif isinstance(outcome, Ok):
        yield Check("token", "ok", text("the vendor accepts it"))
        total = whole_number((outcome.data or {}).get("total"))
        if total is None:
            yield Check(
                "page", "failed", text("the listing names no sensible total"), text("check the endpoint's path")
            )
        else:
            yield Check("page", "ok", text("the company has {total} live {total:agent|agents}", total=total))
    if ahead is not None:
        yield _clock(round(ahead))


def _clock(ahead: int) -> Check:
    off = abs(ahead)
    words = text("this machine's clock is {off} s behind the vendor's", off=off)
    if ahead > 0:
        words = text("this machine's clock is {off} s ahead of the vendor's", off=off)
    hint = text("set it by NTP: expiry of plans, `onRemove` and the books go by it")
    if off >= CLOCK_FAILED:
        return Check("clock", "failed", words, hint)
    if off >= CLOCK_WARNING:
        return Check("clock", "warning", words, hint)
    return Check("clock", "ok", text("this machine's clock agrees with the vendor's"))
