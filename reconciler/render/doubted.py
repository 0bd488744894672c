"""Agents that the ledger calls in doubt: in what, and how to end it. Those who look into the books read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from reconciler.core.model.ledger import LedgerView, Untold
from reconciler.core.model.message import Text, text
from reconciler.core.planning.doubts import NO_PASSWORD_KNOWN
from reconciler.render.alike import grouped
from reconciler.render.outcome import told
from reconciler.render.terminal import paint

About = Literal["author", "password", "untold"]
"""What is in doubt: who made the agent, or its password; or what a recovery found of it has not been told yet."""

_WORDS: Final[Mapping[About, Text]] = {
    "author": text(
        "nothing shows whether a request of ours made the agent, or somebody else: look into the console first "
        "(--exclude ID leaves it as it is, reconciler ledger adopt ID ends the doubt)"
    ),
    "password": NO_PASSWORD_KNOWN,
}
_REPLACED: Final = text(
    "deleted to be made anew, and nothing shows that a request of ours has made it since: apply does so where nobody "
    "has the number; if somebody has, look into the console first (--exclude ID leaves it as it is, reconciler ledger "
    "adopt ID ends the doubt)"
)
_UNTOLD: Final = (
    "{found}: look into the console (the next apply that gets to its end says so and forgets it, reconciler ledger "
    "adopt ID forgets it too)"
)
_FOUND: Final[Mapping[Untold, Text]] = {
    "author": text("a run was cut short, and nothing showed that it had made the agent"),
    "anew": text("somebody deleted the agent and made it anew"),
    "noted": text("somebody deleted the agent and made it anew"),
}


class Doubted(NamedTuple):
    """An agent in doubt, what the doubt is about, and what people are told of it."""

    operator_id: str
    about: About
    message: Text


def doubted(entries: LedgerView, untold: Mapping[str, Untold]) -> list[Doubted]:
    """The agents in doubt, by what the doubt is about; `untold` is what recoveries found and no apply has told.

    Who made an agent is told once, whether an apply has told it or not.
    """
    found = {id_: kind for id_, kind in untold.items() if not (id_ in entries and entries[id_].in_doubt == "author")}
    return [
        *(
            Doubted(id_, about, _REPLACED if about == "author" and entry.to_restore else _WORDS[about])
            for about in ("author", "password")
            for id_, entry in sorted(entries.items())
            if entry.in_doubt == about
        ),
        *(Doubted(id_, "untold", text(_UNTOLD, found=_FOUND[kind])) for id_, kind in sorted(found.items())),
    ]


def doubted_lines(agents: Sequence[Doubted], *, color: bool = False) -> Iterator[str]:
    """The agents as text; those of whom the same is told share it."""
    for alike in grouped(agents, lambda each: each.message):
        head = paint(text("! in doubt"), "bad", color=color)
        yield from told(head, [each.operator_id for each in alike], f"  {alike[0].message}")


def doubted_document(agents: Sequence[Doubted]) -> dict[str, list[dict[str, str]]]:
    """The agents for JSON, under their key; nothing where there are none."""
    rows = [{"operatorId": each.operator_id, "about": each.about, "message": each.message} for each in agents]
    return {"inDoubt": rows} if rows else {}
