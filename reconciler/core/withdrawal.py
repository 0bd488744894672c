"""Passwords that a run stored before it sent them, and that the next run finds were never sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.core.authorship import are_two
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.outcome import Intent


def never_sent(stored: Iterable[Intent], live: LiveState, journal: Iterable[Intent] | None = None) -> set[str]:
    """Whose passwords, of those that a run `stored` for its creates and passwords, were never sent, and cannot be true.

    That is whoever is still the agent that was to be made anew, and of a batch, whose agents get passwords of the
    vendor's, whoever is not there. `live` was listed after the run. Where the run's own `journal` is known, it is also
    whoever's is not in there. A create of one agent may come late: its password is in doubt, and no more.
    """
    begun = [intent for intent in journal or () if _was_begun(intent)]
    sent = {id_ for intent in begun for id_ in intent.operator_ids}
    alone = {id_ for intent in begun if not intent.vendor_password for id_ in intent.operator_ids}
    unsent = set()
    for intent in stored:
        for operator_id in intent.operator_ids if intent.kind in _WITH_PASSWORD else ():
            agent = live.agents.get(operator_id)
            if journal is not None and operator_id not in sent:
                unsent.add(operator_id)
            elif agent is None:
                if intent.vendor_password and operator_id not in alone and live.complete:
                    unsent.add(operator_id)
            elif intent.kind == "create" and _was_before(agent, intent):
                unsent.add(operator_id)
    return unsent


def _was_begun(intent: Intent) -> bool:
    return intent.kind in _WITH_PASSWORD and intent.outcome not in ("not-sent", "skipped")


def _was_before(agent: LiveAgent, create: Intent) -> bool:
    """Whether the ledger knew this very agent before the create was sent, which waits for the end of that one."""
    known = (create.before or {}).get(agent.operator_id)
    if known is None or known.vendor_id is None or agent.vendor_id is None:
        return False
    return not are_two(known.identity, agent.identity)


_WITH_PASSWORD: Final = ("create", "password")
