"""Passwords that a run stored before it sent them, and that the next run finds were never true."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.outcome import Intent


def never_true(stored: Iterable[Intent], live: LiveState, journal: Iterable[Intent] | None = None) -> set[str]:
    """Whose passwords, of those that a run `stored` for its creates and passwords, cannot be true.

    That is whoever is not there, or is still the agent that was to be made anew. `live` was listed after the run. Where
    the run's own `journal` is known, which has each call that was sent, it is also whoever's was never sent.
    """
    untrue = set()
    sent = None if journal is None else {id_ for intent in journal if _was_sent(intent) for id_ in intent.operator_ids}
    for intent in stored:
        if intent.kind in _WITH_PASSWORD:
            for operator_id in intent.operator_ids:
                agent = live.agents.get(operator_id)
                unsent = sent is not None and operator_id not in sent
                absent = live.complete if agent is None else _was_before(agent, intent)
                if unsent or (intent.kind == "create" and absent):
                    untrue.add(operator_id)
    return untrue


def _was_sent(intent: Intent) -> bool:
    return intent.kind in _WITH_PASSWORD and intent.outcome not in ("not-sent", "skipped")


def _was_before(agent: LiveAgent, create: Intent) -> bool:
    """Whether the ledger knew this very agent before the create was sent."""
    known = (create.before or {}).get(agent.operator_id)
    return known is not None and known.vendor_id is not None and known.vendor_id == agent.vendor_id


_WITH_PASSWORD = ("create", "password")
