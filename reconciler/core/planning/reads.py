"""How few reads show what a run must see: the agents of its plan, each by itself, or everybody by the listing.

A filtered page (2.1.5) shows one agent, who holds a SIP number, or whether a group has anybody, as the listing does.
What depends on more agents cannot be had so, and then the listing is read: whose id a new one looks like, what nobody
has. The argument stands in docs/performance.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from reconciler.core.model.endpoints import PAGE_SIZE
from reconciler.core.model.ledger import LedgerEntry, LedgerView
from reconciler.core.model.live import LiveState
from reconciler.core.model.plan import Action


class SeesTooLittle(Exception):
    """What is to be concluded depends on agents that were not looked at."""


@dataclass(frozen=True, slots=True)
class Look:
    """A narrow look: agents that must be there, those that should be gone, who has these SIP numbers, and these groups.

    A number or group that one of the agents themselves turns out to have is not asked for.
    """

    present: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    sip_numbers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def reads(self) -> int:
        """How many calls it takes at most. That one is gone is asked twice: by 2.1.4, and by a filtered page."""
        return len(self.present) + 2 * len(self.gone) + len(self.sip_numbers) + len(self.groups)

    def is_shorter(self, agents: int) -> bool:
        """Whether it takes fewer calls than the listing of so many agents."""
        return self.reads < pages(agents)


def is_settled(ledger: LedgerView, seen: Collection[str] = ()) -> bool:
    """Whether the ledger waits for nobody: nothing is owed, awaited or in doubt, and nobody is missing.

    Those who are `seen` may wait for values to restore: whether they have them shows.
    """
    return all(
        _is_settled(entry) and (not entry.to_restore or operator_id in seen) for operator_id, entry in ledger.items()
    )


def _is_settled(entry: LedgerEntry) -> bool:
    waits = entry.password_unknown or entry.missing_since or entry.disabled_by_removal
    return not waits and entry.awaited is None and not entry.in_doubt


def is_restored(live: LiveState, ledger: LedgerView) -> bool:
    """Whether each agent that is seen has the listed values that are owed to it."""
    seen = ((agent, ledger.get(operator_id)) for operator_id, agent in live.agents.items())
    return all(
        agent.fields.get(name, value) == value
        for agent, entry in seen
        if entry is not None
        for name, value in entry.to_restore.items()
    )


def pages(agents: int) -> int:
    """How many calls the listing of so many agents takes."""
    return max(1, -(-agents // PAGE_SIZE))


def look_before(actions: Sequence[Action]) -> Look | None:
    """What shows whether the agents of a plan are still as it has them; `None` where only the listing does.

    Whose id a new agent's looks like, and who made one that has appeared, only the listing tells.
    """
    if not actions or makes_agents(actions):
        return None
    held = {action.live.fields.get("sipNumber") for action in actions if action.live}
    numbers = {action.after.get("sipNumber") for action in actions if action.kind != "password"} - held
    return Look(_ids(actions), sip_numbers=tuple(sorted(str(number) for number in numbers if number)))


def look_after(actions: Sequence[Action]) -> Look | None:
    """What shows whether a plan was carried out; `None` where there is nothing to see."""
    if not actions:
        return None
    gone = tuple(action.operator_id for action in actions if action.kind == "delete")
    return Look(_ids(action for action in actions if action.kind != "delete"), gone)


def makes_agents(actions: Iterable[Action]) -> bool:
    """Whether a plan makes agents."""
    return any(action.kind in ("create", "replace") for action in actions)


def agents_after(actions: Iterable[Action], agents: int) -> int:
    """How many live agents there are once a plan for so many is carried out."""
    kinds = Counter(action.kind for action in actions)
    return agents + kinds["create"] - kinds["delete"]


def _ids(actions: Iterable[Action]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(action.operator_id for action in actions))


def reads_of_apply(actions: Sequence[Action], agents: int, *, all_before: bool = False, all_after: bool = False) -> int:
    """How many reads an apply of the saved plan takes, of so many live agents: one look before, and one after.

    `all_before`, `all_after`: that look is at everybody, since the ledger waits for an agent.
    """
    looks = (None if all_before else look_before(actions), None if all_after else look_after(actions))
    counts = (agents, agents_after(actions, agents))
    reads = [min(look.reads, pages(count)) if look else pages(count) for look, count in zip(looks, counts, strict=True)]
    return sum(reads) if actions else reads[0]
