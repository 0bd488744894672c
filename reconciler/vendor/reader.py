"""Reads live agents: `page` (2.1.5) and `one` (2.1.4)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from reconciler.core import wire
from reconciler.core.model.desired import Company
from reconciler.core.model.endpoints import PAGE_SIZE, EndpointName
from reconciler.core.model.fields import KEY
from reconciler.core.model.live import LiveAgent
from reconciler.core.model.message import NOTHING, Text, joined, listed, text
from reconciler.core.model.secret import Secret
from reconciler.errors import IncompleteListing, VendorError
from reconciler.files.threads import ready_threads
from reconciler.vendor.answer import (
    Lost,
    NotSent,
    Ok,
    Outcome,
    Refused,
    told_secret,
    whole_number,
)
from reconciler.vendor.http import Transport
from reconciler.vendor.rate_limit import HOPELESS_AFTER
from reconciler.vendor.retry import LISTING_TRIES, READ_TRIES, backoff

if TYPE_CHECKING:
    from reconciler.core.planning.reads import Look

MAX_AGENTS: Final = 10_000_000
_SHOWN: Final = 5
AHEAD: Final = 2
"""Pages that are asked for ahead, for each request that may be under way: no thread waits for the reading of a page."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """An agent as 2.1.4 or a filtered 2.1.5 shows it, its SIP password included."""

    agent: LiveAgent
    sip_number: str | None
    sip_password: Secret | None

    def as_item(self) -> dict[str, Any]:
        """The agent as the answer to a create (2.1.1) tells it; its password is never shown."""
        password = self.sip_password.reveal() if self.sip_password else None
        item = {"operatorId": self.agent.operator_id, "sipNumber": self.sip_number, "sipPassword": password}
        return item if self.agent.vendor_id is None else {**item, "id": self.agent.vendor_id}


class Reader:
    """Reads live agents, with `one` (2.1.4) and `page` (2.1.5)."""

    def __init__(self, transport: Transport, company: Company) -> None:
        self._transport = transport
        self._company = company

    def look_up(self, operator_id: str) -> Outcome:
        """Read one agent once (2.1.4): `Ok` with a `LookedUp`, or with `None` when there is no such agent.

        The reference names no code for "no such agent". So a refusal is checked by 2.1.5, filtered by the id.
        """
        outcome = self._transport.request("one", wire.one_body(self._company, operator_id))
        if isinstance(outcome, Refused) and not outcome.authentication:
            outcome = self._transport.request("page", wire.search_body(self._company, operator_id))
            rows = outcome.data.get("result") if isinstance(outcome, Ok) and outcome.data else None
            exact = [row for row in rows or () if isinstance(row, dict) and str(row.get("operatorId")) == operator_id]
            return _looked_up(operator_id, exact[0] if exact else None) if isinstance(outcome, Ok) else outcome
        return _looked_up(operator_id, outcome.data) if isinstance(outcome, Ok) else outcome

    def one(self, operator_id: str) -> LookedUp | None:
        """Read one agent (2.1.4), several times if need be; `None` when there is no such agent.

        Raises:
            VendorError: the vendor refuses, or cannot be read after `READ_TRIES` tries.
        """
        for attempt in range(1, READ_TRIES + 1):
            outcome = self.look_up(operator_id)
            if isinstance(outcome, Ok):
                looked_up: LookedUp | None = outcome.data
                return looked_up
            if isinstance(outcome, Refused):
                raise VendorError("vendor-refused", outcome.words, _hint(outcome))
            self._back_off(attempt, outcome)
        raise _gave_up(outcome.words)

    def count(self) -> int:
        """How many live agents there are, by the first page of the listing.

        Raises:
            VendorError: the vendor refuses, or cannot be read or understood.
        """
        return self._page(1)[1]

    def look(self, look: Look, progress: Callable[[int, int], None]) -> list[LiveAgent] | None:
        """The agents that a narrow look is about, each by a call of its own; `None` where only the listing can tell.

        That is so where somebody is not there who must be, where two answers contradict each other, or where the vendor
        does not filter as the reference says.

        Raises:
            VendorError: the vendor refuses, or cannot be read or understood.
        """
        agents: dict[str, LiveAgent] = {}

        def ask(questions: Sequence[Callable[[], list[LiveAgent] | None]]) -> bool:
            with _threads(min(self._transport.parallelism, len(questions))) as threads:
                most = AHEAD * self._transport.parallelism
                answers = _Ahead(threads, lambda number: questions[number](), range(len(questions)), most)
                for number, found in enumerate(answers, start=1):
                    if found is None or any(agents.setdefault(each.operator_id, each) != each for each in found):
                        return False
                    progress(number, len(questions))
            return True

        them = [partial(self._there, operator_id) for operator_id in look.present]
        if not ask([*them, *(partial(self._gone, operator_id) for operator_id in look.gone)]):
            return None
        numbers, groups = ({each.fields[name] for each in agents.values()} for name in ("sipNumber", "mainGroupName"))
        holders = [partial(self._filtered, "sipNumber", number) for number in look.sip_numbers if number not in numbers]
        members = [partial(self._member, group) for group in look.groups if group not in groups]
        return list(agents.values()) if ask([*holders, *members]) else None

    def _there(self, operator_id: str) -> list[LiveAgent] | None:
        """The agent; `None` if a filtered page does not show it."""
        return self._filtered(KEY, operator_id) or None

    def _filtered(self, name: str, value: str) -> list[LiveAgent] | None:
        """The agents whose field has this value, by a filtered page (2.1.5); `None` if it does not show each once."""
        agents, total = self._search(name, value)
        found = [agent for agent in agents if _value(agent, name) == value]
        is_whole = total == len(agents) and len({agent.operator_id for agent in found}) == len(found)
        return found if is_whole else None

    def _member(self, group: str) -> list[LiveAgent] | None:
        """One agent of a group, or nobody; `None` if a filtered page shows neither."""
        agents, total = self._search("mainGroupName", group)
        found = [agent for agent in agents if agent.fields["mainGroupName"] == group]
        return found[:1] if found or total == len(agents) == 0 else None

    def _search(self, name: str, value: str) -> tuple[list[LiveAgent], int | None]:
        """The rows of a filtered page, and its total; `None` for that if the vendor refuses, or tells none."""
        outcome = self._read_until_answered("page", wire.search_body(self._company, value, name))
        if isinstance(outcome, Refused):
            if outcome.authentication:
                raise VendorError("vendor-refused", outcome.words, _hint(outcome))
            return [], None
        rows, total = (outcome.data or {}).get("result") or [], whole_number((outcome.data or {}).get("total"))
        return (_decoded(rows), total) if isinstance(rows, list) else ([], None)

    def _gone(self, operator_id: str) -> list[LiveAgent] | None:
        """Nobody, if there is no such agent by 2.1.4 nor by a filtered page; `None` if one of them shows somebody."""
        outcome = self._read_until_answered("one", wire.one_body(self._company, operator_id))
        if isinstance(outcome, Refused) and outcome.authentication:
            raise VendorError("vendor-refused", outcome.words, _hint(outcome))
        shown = isinstance(outcome, Ok) and outcome.data
        return None if shown or self._filtered(KEY, operator_id) != [] else []

    def listing(
        self,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> list[LiveAgent]:
        """Read every live agent, each once (2.1.5).

        `progress` is called with the rows read and the rows in all. `meanwhile` runs while the pages after the first
        are on their way.

        Pages are not a snapshot. A reading counts only if every page names the same total and there are as many
        distinct ids. After a reading that does not count, two readings in a row must agree; so they must where the
        vendor answers without data, as it may for a company without agents.

        Raises:
            IncompleteListing: the listing still changes after `LISTING_TRIES` readings.
            VendorError: the vendor refuses, or cannot be read or understood.
        """
        changed, previous = False, None
        seen: list[_Reading] = []
        for attempt in range(1, LISTING_TRIES + 1):
            reading = self._read_all_pages(progress, meanwhile)
            by_id = {agent.operator_id: agent for agent in reading.agents}
            complete = reading.adds_up
            if complete and (by_id == previous or (reading.has_data and not changed)):
                return reading.agents
            changed, previous = True, by_id if complete else None
            seen.append(reading)
            if attempt < LISTING_TRIES:
                self._transport.sleep(backoff(attempt, None))
        raise _incomplete(seen)

    def _read_all_pages(self, progress: Callable[[int, int], None], meanwhile: Callable[[], None]) -> _Reading:
        """The agents of all pages, and what the pages say of themselves.

        The first page that cannot be part of a whole listing ends the reading: one with another total, one with an
        agent that came before, one that is neither full nor the last. So a total that is far too high costs a few
        pages, and not as many as it promises.
        """
        first, total, has_data = self._page(1)
        last = max(1, -(-total // PAGE_SIZE)) if len(first) == min(total, PAGE_SIZE) else 1
        agents: list[LiveAgent] = []
        ids: set[str] = set()
        sizes: list[int] = []
        with _threads(min(self._transport.parallelism, last - 1)) as threads:
            ahead = _Ahead(threads, self._page, range(2, last + 1), AHEAD * self._transport.parallelism)
            if last > 1:
                meanwhile()
            for number, (rows, page_total, _) in enumerate(chain([(first, total, has_data)], ahead), start=1):
                sizes.append(len(rows))
                agents += _decoded(rows)  # in this thread, while the others wait for the next pages
                ids.update(agent.operator_id for agent in agents[-len(rows) :])
                progress(len(agents), max(total, len(agents)))
                if page_total != total:
                    return _Reading(agents, (total, page_total), sizes, has_data)
                if (len(rows) < PAGE_SIZE and number < last) or len(ids) < len(agents):
                    break
        return _Reading(agents, (total,), sizes, has_data)

    def _page(self, number: int) -> _Page:
        """The rows of a page, the total that it names, and whether it has data at all."""
        outcome = self._read_until_answered("page", wire.page_body(self._company, number))
        if isinstance(outcome, Refused):
            raise VendorError("vendor-refused", outcome.words, _hint(outcome))
        if outcome.data is None:
            return [], 0, False
        data = outcome.data
        total = whole_number(data.get("total"))
        rows = data.get("result") or []
        if total is None or total > MAX_AGENTS or not isinstance(rows, list):
            raise VendorError(
                "vendor-unclear", text("the vendor's listing names no sensible total, or its rows are no list")
            )
        return rows, total, True

    def _read_until_answered(self, name: EndpointName, body: Mapping[str, Any]) -> Ok | Refused:
        """Send a read until it is answered: after a 5xx or a broken connection again, with growing pauses."""
        for attempt in range(1, READ_TRIES + 1):
            outcome = self._transport.request(name, body)
            if isinstance(outcome, Ok | Refused):
                return outcome
            self._back_off(attempt, outcome)
        raise _gave_up(outcome.words)

    def _back_off(self, attempt: int, outcome: NotSent | Lost) -> None:
        if isinstance(outcome, NotSent) and outcome.hint:
            raise VendorError("vendor-unreachable", outcome.reason, outcome.hint)
        if isinstance(outcome, NotSent) and outcome.turned_away:
            raise _gave_up(outcome.words, HOPELESS_AFTER)
        if attempt < READ_TRIES:
            self._transport.sleep(backoff(attempt, outcome.retry_after))


_Page = tuple[list[object], int, bool]


@dataclass(frozen=True, slots=True)
class _Reading:
    """The agents of a reading's pages; the totals that the pages named, a second where they differ; rows by page."""

    agents: list[LiveAgent]
    totals: tuple[int, ...]
    sizes: Sequence[int]
    has_data: bool = True

    @property
    def adds_up(self) -> bool:
        """Whether it shows as many agents as were promised, each once."""
        ids = {agent.operator_id for agent in self.agents}
        return len(self.totals) == 1 and len(ids) == len(self.agents) == self.totals[0]

    @property
    def words(self) -> Text:
        """What does not add up in it."""
        if len(self.totals) > 1:
            two = "one page named {one:,} {one:agent|agents} in all, and another {other:,}"
            return text(two, one=self.totals[0], other=self.totals[1])
        counts = Counter(agent.operator_id for agent in self.agents)
        promised = "{rows:,} {rows:row|rows}, where {total:,} {total:was|were} promised"
        said = [text(promised, rows=len(self.agents), total=self.totals[0])]
        if twice := [operator_id for operator_id, count in counts.items() if count > 1]:
            said.append(text("{ids} listed twice", ids=listed(twice, _SHOWN)))
        elif self.sizes[-1] < PAGE_SIZE and len(self.agents) < self.totals[0]:
            short = "page {page} had {rows} {rows:row|rows} of the {size} that were asked for"
            said.append(text(short, page=len(self.sizes), rows=self.sizes[-1], size=PAGE_SIZE))
        return joined(said)


def _incomplete(seen: Sequence[_Reading]) -> IncompleteListing:
    """What was seen in readings that do not count. Alike each time, it is no change but how the vendor lists."""
    words = [reading.words for reading in seen]
    if len(set(words)) == 1 and all(len(reading.totals) == 1 for reading in seen):
        alike = (
            "the listing does not add up, {times} times over in the same way: {words}; nothing was concluded from it"
        )
        hint = text("ask the vendor: nobody's editing does this")
        return IncompleteListing("listing-incomplete", text(alike, times=len(seen), words=words[0]), hint)
    changed = "the listing changed while it was read, {times} times over; nothing was concluded from it"
    odd = [word for word, reading in zip(words, seen, strict=True) if not reading.adds_up]
    hint = text("try again when nobody is editing agents in the console")
    if odd:
        hint = text("{hint}; seen last: {words}", hint=hint, words=odd[-1])
    return IncompleteListing("listing-incomplete", text(changed, times=len(seen)), hint)


_Answer = TypeVar("_Answer")


class _Ahead(Generic[_Answer]):
    """Answers to reads of which a few are asked ahead of the one that is taken, as an iterator in their order."""

    def __init__(
        self,
        threads: Executor,
        read: Callable[[int], _Answer],
        numbers: Iterable[int],
        most: int,
    ) -> None:
        self._threads = threads
        self._read = read
        self._numbers = iter(numbers)
        self._asked: deque[Future[_Answer]] = deque()
        self._ask(most)

    def _ask(self, count: int) -> None:
        self._asked.extend(self._threads.submit(self._read, number) for number in islice(self._numbers, count))

    def __iter__(self) -> Iterator[_Answer]:
        while self._asked:
            answer = self._asked.popleft().result()
            self._ask(1)
            yield answer


@contextmanager
def _threads(count: int) -> Iterator[Executor]:
    """Threads that end with the block. When an error ends the block, their answers are not waited for."""
    threads = ready_threads(max(1, count), "page")
    try:
        yield threads
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown(cancel_futures=True)


def _value(agent: LiveAgent, name: str) -> object:
    return agent.operator_id if name == KEY else agent.fields[name]


def _gave_up(reason: Text, tries: int = READ_TRIES) -> VendorError:
    return VendorError(
        "vendor-unreachable",
        text("the vendor could not be read, {tries} times over: {reason}", tries=tries, reason=reason),
        text("try again later"),
    )


def _looked_up(operator_id: str, row: object) -> Outcome:
    if not row:
        return Ok(None)
    try:
        agent = wire.live_agent(row)
    except ValueError:
        return Lost(text("the answer shows no agent"))
    if agent.operator_id != operator_id or not isinstance(row, dict):
        return Lost(text("the answer shows another agent"))
    number, password = row.get("sipNumber"), told_secret(row.get("sipPassword"))
    return Ok(LookedUp(agent, str(number) if number else None, Secret(password) if password else None))


def _hint(refused: Refused) -> Text:
    return text("check the token, and whose company it is for") if refused.authentication else NOTHING


def _decoded(rows: Sequence[object]) -> list[LiveAgent]:
    try:
        return [wire.live_agent(row) for row in rows]
    except ValueError as error:
        raise VendorError(
            "vendor-unclear", text("the vendor's listing cannot be understood: {error}", error=error)
        ) from None
