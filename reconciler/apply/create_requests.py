"""What a run has asked the vendor to create, and how that was refused: evidence of who made an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.core.authorship import Author, in_spite_of_refusal
from reconciler.core.model.live import LiveAgent
from reconciler.vendor.answer import NotSent, Outcome, Refused


class CreateRequests:
    """The create requests of a run, by operatorId: those of one agent, and those of a batch."""

    def __init__(self) -> None:
        self._first_sent: dict[str, int | None] = {}
        self._may_be_of_batch: set[str] = set()
        self._may_be_of_single: set[str] = set()

    def sent(self, operator_ids: Sequence[str], at: int | None) -> None:
        """Note that a request leaves that is to make these agents; `at` is in milliseconds by the vendor's clock."""
        for operator_id in operator_ids:
            self._first_sent.setdefault(operator_id, at)

    def answered(self, operator_ids: Sequence[str], outcome: Outcome) -> None:
        """Note what became of the request. A server error, like no answer at all, may come after the work was done."""
        in_words = isinstance(outcome, Refused) and not outcome.server_error
        if not in_words and not isinstance(outcome, NotSent):
            (self._may_be_of_batch if len(operator_ids) > 1 else self._may_be_of_single).update(operator_ids)

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
