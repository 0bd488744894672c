"""What a run has asked the vendor to create, and how that was refused: evidence of who made an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.core.authorship import Author, in_spite_of_refusal
from reconciler.core.model.live import LiveAgent
from reconciler.vendor.answer import NotSent, Ok, Outcome, Refused


class CreateRequests:
    """The create requests of a run, by operatorId: those of one agent, and those of a batch."""

    def __init__(self) -> None:
        self._first_sent: dict[str, int | None] = {}
        self._may_be_of_batch: set[str] = set()
        self._may_be_of_single: set[str] = set()
        self._refused_with: dict[str, tuple[str, ...]] = {}
        self._sent_since: set[str] = set()
        self._made_since: set[str] = set()

    def sent(self, operator_ids: Sequence[str], at: int | None) -> None:
        """Note that a request leaves that is to make these agents; `at` is in milliseconds by the vendor's clock."""
        for operator_id in operator_ids:
            self._first_sent.setdefault(operator_id, at)
        self._sent_since.update(id_ for id_ in operator_ids if id_ in self._refused_with)

    def answered(self, operator_ids: Sequence[str], outcome: Outcome) -> None:
        """Note what became of the request. A server error, like no answer at all, may come after the work was done."""
        in_words = isinstance(outcome, Refused) and not outcome.server_error
        if in_words and len(operator_ids) > 1:
            self._refused_with.update(dict.fromkeys(operator_ids, tuple(operator_ids)))
            self._sent_since.difference_update(operator_ids)
        elif isinstance(outcome, Ok):
            self._made_since.update(operator_ids)
        if not in_words and not isinstance(outcome, NotSent):
            (self._may_be_of_batch if len(operator_ids) > 1 else self._may_be_of_single).update(operator_ids)

    def witnesses(self, operator_id: str) -> tuple[str, ...] | None:
        """Who shows whether a batch of the agent's made it that was refused in words, and carried out all the same.

        A batch makes all of its agents or nobody: those of the smallest one for whom no other request has left since.
        `None` where it is known that none has made it: there was no such batch, or others of it were made since.
        """
        batch = self._refused_with.get(operator_id)
        if batch is None or not self._made_since.isdisjoint(batch):
            return None
        return tuple(id_ for id_ in batch if id_ != operator_id and id_ not in self._sent_since)

    def denied(self, operator_id: str) -> bool:
        """Whether the vendor has refused in words every request that was to make the agent."""
        return operator_id not in self._may_be_of_batch and operator_id not in self._may_be_of_single

    def weigh_batch(self, authors: Mapping[str, Author], agents: Sequence[LiveAgent]) -> dict[str, Author]:
        """The authors of `agents`, who look as if a batch of ours had made them."""
        return {
            id_: in_spite_of_refusal(author, agents, self._first_sent.get(id_)) if self.denied(id_) else author
            for id_, author in authors.items()
        }

    def weigh_one(self, operator_id: str, author: Author, agent: LiveAgent, *, by_batch: bool) -> Author:
        """The author of an agent whose create was refused; `by_batch`: so was everybody of its batch.

        Where a batch may have made some of its agents, nothing shows whether it was the batch or a single create.
        """
        if by_batch:
            return self.weigh_batch({operator_id: author}, [agent])[operator_id]
        of_single = operator_id in self._may_be_of_single and operator_id not in self._may_be_of_batch
        return author if of_single or author != "ours" else "unproved"
