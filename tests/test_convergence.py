"""The law that everything else serves: any desired and any live state converge in one apply over real HTTP."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from reconciler.apply.channel import CallChannel
from reconciler.apply.execute import execute
from reconciler.apply.record import RunContext
from reconciler.core.model.desired import DesiredState
from reconciler.core.model.fields import BY_NAME, LISTED, encode
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveState
from reconciler.core.model.plan import Plan
from reconciler.core.model.secret import Secret
from reconciler.core.planning.make_plan import live_state, make_plan
from reconciler.credentials.delivered import read_credentials
from reconciler.credentials.delivery import CredentialsFile
from reconciler.credentials.passwords import PasswordRules, resolve_passwords
from reconciler.ledger.books import Books
from reconciler.ledger.journal import Journal
from reconciler.ledger.ledger import Ledger
from reconciler.ledger.on_disk import LocalStore
from reconciler.sandbox.server import Box, running
from reconciler.settings import Connection
from reconciler.vendor.http import Transport, connected
from reconciler.vendor.reader import Reader
from reconciler.vendor.retry import Budget
from reconciler.vendor.writer import Writer
from tests.core.build import REPLACING
from tests.fuzz import examples
from tests.process import TOKEN
from tests.strategies import desired_states, ledgers, live_states

PASSWORDS = {"A": "password-of-A", "B": "密码-of-B"}


@pytest.fixture(scope="module")
def quirky() -> Iterator[Box]:
    """A sandbox that answers with nulls, missing keys and numbers in strings wherever the vendor may."""
    with running(token=TOKEN, quirks=True) as box:
        yield box


@pytest.fixture(scope="module")
def transport(quirky: Box) -> Iterator[Transport]:
    """A connection to it without a rate limit."""
    with connected(Connection(quirky.url, Secret(TOKEN), rate=0)) as open_transport:
        yield open_transport


@settings(
    deadline=None,
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(desired_states(), live_states(odd=False), ledgers())
def test_one_apply_converges(
    quirky: Box, transport: Transport, desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry]
) -> None:
    """After one apply the next plan is empty, every password is delivered, and unmanaged fields are as they were."""
    desired = _possible(desired, live, ledger)
    assume(desired.agents)
    quirky.store.reset(_wire(live, ledger))
    before = quirky.store.agents()
    with tempfile.TemporaryDirectory() as folder:
        for name, password in PASSWORDS.items():
            (Path(folder) / name).write_text(password)
        here = replace(desired, agents=tuple(_files_in(agent, folder) for agent in desired.agents))
        book = Ledger(LocalStore(Path(folder) / "ledger.json"), desired.company, dict(ledger))
        plan = _planned(here, transport, book)
        assert plan.actions == make_plan(here, replace(live, complete=True), ledger, REPLACING).actions
        passwords = _apply(plan, transport, book, folder)
        again = _planned(here, transport, book)
    assert again.actions == ()
    after = quirky.store.agents()
    _assert_only_what_was_asked(plan, before, after)
    new = {action.operator_id for action in plan.actions if action.kind != "delete" and action.kind != "edit"}
    assert passwords.keys() == new
    for operator_id, secret in passwords.items():
        assert after[operator_id]["password_md5"] == hashlib.md5(secret.reveal().encode()).hexdigest()


def _possible(desired: DesiredState, live: LiveState, ledger: dict[str, LedgerEntry]) -> DesiredState:
    while blocked := {
        a.operator_id for a in make_plan(desired, replace(live, complete=True), ledger, REPLACING).blocked
    }:
        kept = tuple(agent for agent in desired.agents if agent.operator_id not in blocked)
        desired = replace(desired, agents=kept)
    return desired


def _wire(live: LiveState, ledger: dict[str, LedgerEntry]) -> Iterator[dict[str, Any]]:
    for operator_id, agent in live.agents.items():
        listed = {str(row.wire.listed): encode(row, agent.fields[row.name]) for row in LISTED}
        given = ledger.get(operator_id, LedgerEntry()).last_sent
        yield {"operatorId": operator_id, **listed, **{name: encode(BY_NAME[name], v) for name, v in given.items()}}


def _files_in(agent: Any, folder: str) -> Any:
    """The agent, its password file in this folder."""
    password = agent.password
    if password is None or password.kind != "file":
        return agent
    return replace(agent, password=replace(password, folder=folder))


def _planned(desired: DesiredState, transport: Transport, book: Ledger) -> Plan:
    listing = Reader(transport, desired.company).listing()
    return make_plan(desired, live_state(listing), book.view, REPLACING)


def _apply(plan: Plan, transport: Transport, book: Ledger, folder: str) -> dict[str, Secret]:
    ours = [action for action in plan.actions if not action.vendor_password]
    passwords = resolve_passwords(ours, PASSWORDS, PasswordRules(("*",)))
    credentials = CredentialsFile(Path(folder) / "credentials.jsonl", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    stop = threading.Event()
    writer, reader = Writer(transport, plan.company), Reader(transport, plan.company)
    channel = CallChannel(writer, reader, passwords, Budget(len(plan.calls)), stop, stop.wait)
    with closing(Journal(Path(folder) / "journal.jsonl")) as journal:
        books = Books(book, journal, "run")
        events = list(execute(plan.calls, RunContext(channel, books, credentials, parallelism=4)))
    credentials.close()
    assert [event for event in events if event.outcome != "done"] == []
    assert len(events) == len(plan.calls)
    delivered = read_credentials(credentials.path, None).credentials if credentials.used else ()
    return {each.operator_id: each.password for each in delivered if each.password}


def _assert_only_what_was_asked(plan: Plan, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Beside what the plan says nothing has changed, hidden fields included where they were known."""
    changed = {action.operator_id for action in plan.actions}
    for operator_id in before.keys() - changed:
        same = {name: value for name, value in before[operator_id].items() if name != "utime"}
        assert {name: value for name, value in after[operator_id].items() if name != "utime"} == same
    assert before.keys() - after.keys() == {a.operator_id for a in plan.actions if a.kind == "delete"}
