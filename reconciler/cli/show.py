"""`reconciler show`: shows one agent's live and desired values side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import OPERATOR_ID, connection_options, format_option
from reconciler.cli.shell import Shell
from reconciler.core.model.message import Text, text
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Collection

    from reconciler.core.desired.resolve import ResolvedAgent
    from reconciler.core.model.desired import DesiredState
    from reconciler.core.model.ledger import LedgerEntry, LedgerView
    from reconciler.core.model.live import LiveAgent


@click.command()
@click.argument("operator_id", type=OPERATOR_ID)
@connection_options
@format_option("text", "json")
@click.pass_obj
def show(shell: Shell, /, operator_id: str, format_: str, **arguments: Any) -> None:
    """Show one agent: what is live, what the files want, what differs, and where each value is written.

    Asks the vendor for this agent alone. Passwords are never shown; of the password only its version is known.

    \b
    Examples:
      reconciler show 8001
      reconciler show 8001 -f teams/ --format json
    """
    from reconciler.apply.goal import FilesGoal
    from reconciler.cli.inputs import Options, open_session
    from reconciler.core.beside import compare_agent
    from reconciler.core.desired.read import desired_state
    from reconciler.core.model.desired import Policy
    from reconciler.core.model.ledger import NOT_RECORDED
    from reconciler.files.desired_files import FilesRead, load_parsed
    from reconciler.ledger.ledger import load_ledger
    from reconciler.render.beside import documents, table

    options = Options(**arguments)
    parsed = load_parsed(options.files)
    desired = desired_state(parsed)
    agent = next((agent for agent in parsed.agents if agent.operator_id == operator_id), None)
    goal = FilesGoal(FilesRead(desired), Policy())
    with open_session(options, goal) as session:
        recorded = load_ledger(session.store, desired.company, session.transport.endpoint).view.get(
            operator_id, NOT_RECORDED
        )
        live_row = session.reader.one(operator_id)
        live = live_row.agent if live_row else None
    if live is None and agent is None:
        raise ReconcilerError(
            "unknown-agent",
            text("there is no agent {operator_id}, live or desired", operator_id=operator_id),
            text("reconciler plan lists who differs"),
        )
    ledger = {operator_id: recorded}
    verdict = (
        _verdict(desired, live, agent, ledger, goal.due(ledger)) if live else text("not live; apply would create it")
    )
    rows = compare_agent(live, agent, recorded if live else NOT_RECORDED)
    if format_ == "json":
        password = {"recorded": recorded.password_version, "desired": _version(agent)}
        head = {"format": "reconciler.show/1", "operatorId": operator_id, "live": live is not None}
        shell.document(
            {**head, "desired": agent is not None, "verdict": verdict, "fields": documents(rows), "password": password}
        )
    else:
        heading = _heading(desired, operator_id, live, agent, verdict)
        shell.data(heading + table(rows, color=shell.color) + _password(recorded, agent))


def _version(agent: ResolvedAgent | None) -> Any:
    written = agent.values.get("password") if agent else None
    return written.value["version"] if written else None


def _heading(
    desired: DesiredState, operator_id: str, live: LiveAgent | None, agent: ResolvedAgent | None, verdict: Text
) -> str:
    from reconciler.render.terminal import visible

    name = next((other.fields.get("name") for other in desired.agents if other.operator_id == operator_id), None)
    name = name or (live.fields["name"] if live else "")
    place = f", {agent.place}" if agent else ""
    head = f"{operator_id} {name or ''}".strip() + place
    return f"{visible(head)}: {verdict}\n\n"


def _verdict(
    desired: DesiredState, live: LiveAgent, agent: ResolvedAgent | None, ledger: LedgerView, due: Collection[str]
) -> Text:
    """What apply would do with a live agent, as far as can be told from this agent alone."""
    from reconciler.core.model.desired import Policy, matches
    from reconciler.core.planning.make_plan import live_state, make_plan

    if agent is not None:
        return text("live and in the file")
    operator_id = live.operator_id
    plan = make_plan(desired, live_state([live]), ledger, Policy(only=frozenset({operator_id})), due=due)
    if any(action.kind == "delete" for action in plan.actions):
        return text("live and not in the file; apply would delete it")
    if any(action.removal for action in plan.actions):
        return text("live and not in the file; apply would disable it")
    if desired.scope is not None and not matches(desired.scope, operator_id):
        return text("live, and out of the file's scope")
    if ledger[operator_id].disabled_by_removal:
        return text("live and not in the file; it was disabled for that, and stays")
    return text("live and not in the file; kept, because it is protected or nothing is pruned")


def _password(recorded: LedgerEntry, agent: ResolvedAgent | None) -> str:
    from reconciler.render.terminal import visible

    desired_version = _version(agent)
    if desired_version is None or agent is None:
        return ""
    known = text("not recorded")
    if recorded.password_version is not None:
        known = text("version {version}", version=recorded.password_version)
    mark = " " if recorded.password_version == desired_version else "~"
    words = "password: {known}, desired version {version}  ({place})"
    place = agent.values["password"].place
    return visible(f"{mark} {text(words, known=known, version=desired_version, place=place)}") + "\n"
