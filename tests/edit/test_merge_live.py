"""`merge_live`: a file that people keep takes on what is live, and nothing of it moves that need not."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler import edit
from reconciler.core.desired.read import read_desired
from reconciler.core.export.files import export
from reconciler.core.model.desired import DesiredState
from reconciler.core.model.fields import BY_NAME, LISTED, Field, Kind, Value
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.live import LiveAgent, LiveState
from reconciler.core.model.plan import Plan
from reconciler.core.yaml.document import Document
from reconciler.core.yaml.spelling import is_expressible
from reconciler.edit import fmt, kept, patch
from reconciler.edit.comments import comments
from reconciler.edit.live import FileChanges
from reconciler.edit.parts import unix
from reconciler.errors import InvalidFiles, ReconcilerError
from tests.core.build import COMPANY, HEAD, live, live_agent, planned
from tests.edit.reading import CORPUS, FORMATTED, comments_of, lines_of, parsed, stated
from tests.edit.scribe import Scribe
from tests.edit.test_simple_agents import Clerk
from tests.fuzz import examples

ADDED = "# added from the live system"
corpus = pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
formatted = pytest.mark.parametrize("path", FORMATTED, ids=lambda path: path.stem)


def merge_live(file: str, data: bytes, listed: LiveState) -> bytes:
    """The bytes of a file after the merge."""
    return edit.merge_live(parsed(file, data), listed).data


def as_stated(state: DesiredState) -> dict[str, LiveAgent]:
    """The agents of a file, live as it wants them."""
    listed = {row.name for row in LISTED}
    agents = ((each.operator_id, {k: v for k, v in each.fields.items() if k in listed}) for each in state.agents)
    return {id_: live_agent(id_, **fields) for id_, fields in agents}


def plan_of(data: bytes, listed: LiveState) -> Plan:
    """The plan against a listing, by a ledger that knows everything that is not listed."""
    state = stated(data)
    known = {
        agent.operator_id: LedgerEntry(
            agent.password.version if agent.password else None,
            {name: value for name, value in agent.fields.items() if BY_NAME[name].write_only},
        )
        for agent in state.agents
    }
    return planned(state, listed, known)


def changes(before: bytes, after: bytes) -> list[str]:
    """The lines that a unified diff shows as removed or added."""
    diff = difflib.unified_diff(lines_of(before), lines_of(after), lineterm="", n=0)
    return [line for line in diff if not line.startswith(("---", "+++", "@@"))]


@corpus
def test_what_is_so_already_is_left_alone(path: Path) -> None:
    """A file whose agents are live as it has them keeps every byte."""
    data = path.read_bytes()
    assert merge_live("agents.yaml", data, live(*as_stated(stated(data)).values())) == data


@formatted
def test_one_changed_value_changes_one_line(path: Path) -> None:
    """In a file that is formatted a changed name is one line changed or added, whatever stands around it."""
    data = path.read_bytes()
    agents = as_stated(stated(data))
    own = next(id_ for id_ in sorted(agents) if id_ in data.decode())
    agents[own] = live_agent(own, **{**agents[own].fields, "showcaller": "4007000000"})
    managed = next(each for each in stated(data).agents if each.operator_id == own).fields
    merged = merge_live("agents.yaml", data, live(*agents.values()))
    told = changes(data, merged)
    if "showcaller" in managed:
        assert [line[0] for line in told] in (["-", "+"], ["+"])
        assert '"4007000000"' in told[-1]
    else:
        assert told == []


@formatted
def test_an_agent_more_only_adds_lines(path: Path) -> None:
    """A live agent that the file lacks is added at the end of `agents`, and nothing else is touched."""
    data = path.read_bytes()
    agents = as_stated(stated(data))
    merged = merge_live("agents.yaml", data, live(*agents.values(), live_agent("8999", name="new", sipNumber="1")))
    told = changes(data, merged)
    in_brackets = path.stem in ("as_json", "lists")
    assert all(line[0] == "+" for line in told) or in_brackets
    assert Counter(comments_of(merged)) - Counter(comments_of(data)) == Counter([ADDED])
    assert plan_of(merged, live(*agents.values(), live_agent("8999", name="new", sipNumber="1"))).actions == ()


@formatted
def test_an_agent_less_only_removes_lines(path: Path) -> None:
    """An agent that is no longer live goes with its lines; what stands around it does not move."""
    data = path.read_bytes()
    agents = as_stated(stated(data))
    last = [id_ for id_ in agents if f'operatorId: "{id_}"' in data.decode()][-1]
    del agents[last]
    merged = merge_live("agents.yaml", data, live(*agents.values()))
    in_place = path.stem in ("as_json", "lists", "anchors", "anchor_order") or b"agents: []" in merged
    assert all(line[0] == "-" for line in changes(data, merged)) or in_place
    assert plan_of(merged, live(*agents.values())).actions == ()


def odd_value(random: Random, row: Field) -> Value:
    """A value as a vendor lists it, readable or not."""
    values: dict[Kind, tuple[Value, ...]] = {
        Kind.FLAG: (True, False, 7),
        Kind.CHOICE: (*row.choices, 9),
        Kind.INTEGER: (0, 1, 5, -3),
        Kind.TEXT: ("", "no", "0071", "a: b", "#x", "张三", "a\nb", "\ud800", "{operatorId}", "😀"),
    }
    return random.choice(values[row.kind])


def moved(random: Random, state: DesiredState, *, leaving: float) -> LiveState:
    """What became of a file's agents while nobody looked: changes here and there, some gone, some new.

    With nobody `leaving` there is one agent that stays as it was in each pool of a `Scribe`.
    """
    agents = [agent for agent in as_stated(state).values() if random.random() >= leaving]
    for agent in [agent for agent in agents if leaving or agent.operator_id not in ("9001", "9011")]:
        numbers = (None, f"6{agent.operator_id}")
        values: dict[str, Value] = {
            row.name: random.choice(numbers) if row.kind is Kind.SIP_NUMBER else odd_value(random, row)
            for row in LISTED
            if random.random() < 0.05
        }
        agents[agents.index(agent)] = live_agent(agent.operator_id, **{**agent.fields, **values})
    for number, id_ in enumerate(random.sample(("8700", "8701", "adm", "8x", "9999", "a?"), random.choice((0, 1, 2)))):
        agents.append(
            live_agent(id_, name=random.choice(("no", "x: y")), sipNumber=random.choice((None, f"7{number}")))
        )
    return live(*random.sample(agents, len(agents)))


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 2**32))
def test_the_plan_is_empty_afterwards(seed: int) -> None:
    """Whatever the style of the file and whatever became of its agents: nothing is left to do that a file can say."""
    random = Random(seed)
    data = Scribe(random).file()
    listed = moved(random, stated(data), leaving=0.2)
    merged = merge_live("agents.yaml", data, listed)
    left = [(each.kind, change) for each in plan_of(merged, listed).actions for change in each.changes or (None,)]
    assert not [change for _, change in left if change is None or is_expressible(BY_NAME[change.field], change.before)]
    assert merge_live("agents.yaml", merged, listed) == merged


@settings(max_examples=examples(80), deadline=None)
@given(st.integers(0, 2**32))
def test_comments_survive(seed: int) -> None:
    """Where nobody leaves, every comment is there afterwards, and one more at the most."""
    random = Random(seed)
    scribe = Scribe(random)
    data = scribe.file()
    merged = merge_live("agents.yaml", data, moved(random, stated(data), leaving=0))
    after = Counter(comments(merged.decode()))
    assert after - Counter(comment.rstrip() for comment in scribe.comments) in (Counter(), Counter([ADDED]))
    assert not Counter(comment.rstrip() for comment in scribe.comments) - after


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 2**32))
def test_an_export_is_formatted_and_up_to_date(seed: int) -> None:
    """What `export` writes is as `fmt` would have it, and holds what a merge would bring."""
    random = Random(seed)
    listed = moved(random, stated(Scribe(random).file()), leaving=0.1)
    (text,) = export(listed, COMPANY).files.values()
    assert fmt("agents.yaml", text.encode()) == text.encode()
    assert merge_live("agents.yaml", text.encode(), listed) == text.encode()


def merged(text: str, *agents: LiveAgent, complete: bool = True) -> str:
    """The part of a file below its head, after a merge."""
    data = merge_live("agents.yaml", f"{HEAD}{text}".encode(), live(*agents, complete=complete))
    return data.decode().removeprefix(HEAD)


GROUPS = """\
agents:
  # == sales ==
  - {operatorId: "8001", name: An}
  - {operatorId: "8002", name: Bo}

  # == support ==
  # 8003 works from home
  - {operatorId: "8003", name: Cy}
  - {operatorId: "8004", name: Di}
  # - {operatorId: "8005", name: Ed}
"""


def people(*ids: str) -> list[LiveAgent]:
    """Live agents as `GROUPS` has them."""
    names = {"8001": "An", "8002": "Bo", "8003": "Cy", "8004": "Di"}
    return [live_agent(id_, name=names[id_]) for id_ in ids]


def test_a_heading_stays_while_its_group_does() -> None:
    """The comment above the first of a group is the group's: it goes with the last of them."""
    assert "== sales ==" in merged(GROUPS, *people("8002", "8003", "8004"))
    assert "== sales ==" not in merged(GROUPS, *people("8003", "8004"))


def test_a_comment_that_names_the_agent_goes_with_it() -> None:
    """A comment right above an agent that has its number or its name in it is about nobody else."""
    after = merged(GROUPS, *people("8001", "8002", "8004"))
    assert "8003" not in after
    assert 'name: Di}\n  # - {operatorId: "8005", name: Ed}\n' in after


def test_agents_that_are_commented_out_stay() -> None:
    """What is commented out is nobody's comment, above an agent and below."""
    assert '# - {operatorId: "8005"' in merged(GROUPS, *people("8001", "8002"))
    alone = 'agents:\n  # - {operatorId: "8009", name: An}\n  - {operatorId: "8001", name: An}\n'
    assert merged(alone) == 'agents: []\n  # - {operatorId: "8009", name: An}\n'


BLOCKS = """\
agents:
 - operatorId: |-
    8001
 -    operatorId: "8002"
      # about the second

      # about them all
     # and the next
 - operatorId: "8003"
"""


def test_below_an_agent_stays_what_is_set_apart() -> None:
    """Comments below the agent that leaves stay from a blank line on, and become no part of a text above."""
    after = merged(BLOCKS, live_agent("8001"), live_agent("8003"))
    assert after == BLOCKS.replace(BLOCKS[BLOCKS.index(" -    ") :], TAIL)


TAIL = """\

 # about them all
 # and the next
 - operatorId: "8003"
"""


def test_the_last_agent_leaves_a_list() -> None:
    """`agents` stays a list when all have gone, and takes new ones again."""
    empty = merged(GROUPS.replace("  # - {", "  # {"))
    assert empty.startswith("agents: []\n")
    again = merged(empty, live_agent("8009", name="Jo", sipNumber="1"))
    assert again.startswith(f'agents:\n  {ADDED}\n  - {{operatorId: "8009", name: Jo, sipNumber: "1"}}\n')


def test_a_file_without_agents_gets_them() -> None:
    """`agents` is added at the end; what a new agent has anyway is left out, a missing SIP number is not."""
    after = merged("prune: true\n# end\n", live_agent("8002"), live_agent("8001", isrecord=False, sipNumber="1"))
    assert after == (
        f"prune: true\n# end\n\nagents:\n  {ADDED}\n"
        '  - {operatorId: "8001", sipNumber: "1", isrecord: false}\n  - {operatorId: "8002", sipNumber: null}\n'
    )


def test_the_next_merge_goes_on_below_the_heading() -> None:
    """The heading stands once."""
    first = merged(GROUPS, *people("8001", "8002", "8003", "8004"), live_agent("8101", sipNumber="1"))
    agents = (*people("8001", "8002", "8003", "8004"), live_agent("8101", sipNumber="1"), live_agent("8102"))
    assert merged(first, *agents).count(ADDED) == 1
    assert merged(first, *agents).endswith('"1"}\n  - {operatorId: "8102", sipNumber: null}\n')


def test_only_what_is_managed_is_written() -> None:
    """A value that `defaults` or a profile gives is not repeated; a field that nothing manages is not begun."""
    text = (
        "defaults: {isrecord: true}\nprofiles:\n  p: {afterInterval: 5}\n"
        'agents:\n  - {operatorId: "8001", profile: p, name: An}  # her\n'
    )
    assert merged(text, live_agent("8001", name="An", afterInterval=5, email="an@x")) == text
    changed = merged(text, live_agent("8001", name="An", afterInterval=6, isrecord=False))
    assert changed == text.replace("name: An}", "name: An, afterInterval: 6, isrecord: false}")


def test_a_new_key_goes_on_a_line_where_each_has_one() -> None:
    """An agent in braces keeps the look that it has."""
    text = 'defaults: {isrecord: true}\nagents:\n  - {\n      operatorId: "8001",\n      name: An   # her\n    }\n'
    after = merged(text, live_agent("8001", name="An", isrecord=False))
    assert after == text.replace("An   # her\n", "An,  # her\n      isrecord: false\n")


def test_what_a_file_cannot_say_stays() -> None:
    """A live value of no known meaning is left as the file has it, and a new agent is added without it."""
    text = 'agents:\n  - {operatorId: "8001", status: enabled}\n'
    assert merged(text, live_agent("8001", status=9)) == text
    assert '{operatorId: "8002", sipNumber: "1"}' in merged(
        text, *people(), live_agent("8002", status=9, sipNumber="1")
    )


def test_passwords_and_what_is_never_listed_stay() -> None:
    """Nothing live speaks of passwords, roles and skills."""
    text = (
        'agents:\n  - operatorId: "8001"\n    name: An   # her\n    roleName: lead\n'
        "    password: {env: A, version: 2}   # secret\n"
    )
    assert merged(text, live_agent("8001", name="Bo")) == text.replace("An ", "Bo ")


POOL = """\
pools:
  - from: "8100"
    to: "8103"
    profile: p     # as all
    name: "外呼 {operatorId}"
    password: {generate: true, version: 1}
profiles:
  p: {isrecord: true}
"""


def pooled(*ids: str) -> list[LiveAgent]:
    """Live agents as `POOL` has them."""
    return [live_agent(id_, name=f"外呼 {id_}") for id_ in ids]


def test_a_pool_leaves_out_who_differs() -> None:
    """Who differs from a pool becomes an agent of its own with all that the pool gave, its password's source too."""
    after = merged(POOL, *pooled("8100", "8102", "8103"), live_agent("8101", name="Bo", isrecord=False))
    assert '    to: "8103"\n    except: ["8101"]\n    profile: p     # as all\n' in after
    assert after.endswith(
        f'agents:\n  {ADDED}\n  - operatorId: "8101"\n    profile: p\n    name: Bo\n    isrecord: false\n'
        "    password: {generate: true, version: 1}\n"
    )


def test_a_pool_leaves_out_who_has_gone() -> None:
    """Who is no longer live is added to what the pool leaves out already; a pool of nobody is removed."""
    listed = POOL.replace('"8103"\n', '"8103"\n    except:\n      # reserved\n      - "8100"\n')
    left = '    except:\n      # reserved\n      - "8100"\n      - "8103"\n'
    assert left in merged(listed, *pooled("8101", "8102"))
    assert merged(POOL).startswith("pools: []\nprofiles:")


def test_a_pool_gets_back_nobody() -> None:
    """A live agent that the pool leaves out is an agent like any other."""
    text = POOL.replace('to: "8103"', 'to: "8103"\n    except: ["8100"]')
    after = merged(text, *pooled("8101", "8102", "8103"), live_agent("8100", name="An", sipNumber="1"))
    assert text in after
    assert '{operatorId: "8100", name: An, sipNumber: "1"}' in after


def test_agents_out_of_scope_are_nobody_s() -> None:
    """A live agent that the file does not speak for is not added."""
    text = 'scope: {operatorId: ["8*"]}\nagents: []\n'
    assert merged(text, live_agent("9001")) == text


def test_from_an_incomplete_listing_nobody_is_gone() -> None:
    """Who is missing from a listing that is not complete stays."""
    assert merged(GROUPS, complete=False) == GROUPS
    assert merged(POOL, complete=False) == POOL


def test_an_anchor_moves_to_who_still_needs_it() -> None:
    """When the agent goes that others take values from, the first of these takes over what they shared."""
    text = (
        'agents:\n  - &a {operatorId: "8001", name: An, isrecord: true}\n'
        '  - {operatorId: "8002", <<: *a}\n  - {operatorId: "8003", <<: *a}\n'
    )
    after = merged(text, live_agent("8002", name="An"), live_agent("8003", name="An"))
    assert after == (
        'agents:\n  - {operatorId: "8002", <<: &a {operatorId: "8001", name: An, isrecord: true}}\n'
        '  - {operatorId: "8003", <<: *a}\n'
    )


def test_a_value_that_others_share_changes_for_one() -> None:
    """An agent whose value others take over gets its new one, and they keep theirs, SIP numbers included."""
    text = (
        'agents:\n  - &a {operatorId: "8001", name: &n An, sipNumber: null}\n'
        '  - {operatorId: "8002", <<: *a}\n  - {operatorId: "8003", name: *n}\n'
    )
    after = merged(
        text, live_agent("8001", name="Bo", sipNumber="1"), live_agent("8002", name="An"), live_agent("8003", name="An")
    )
    assert after == (
        'agents:\n  - &a {operatorId: "8001", name: &n Bo, sipNumber: "1"}\n'
        '  - {operatorId: "8002", <<: *a, name: An, sipNumber: null}\n  - {operatorId: "8003", name: An}\n'
    )


def test_line_ends_and_byte_order_mark_stay() -> None:
    """A file with a byte order mark and Windows line ends keeps both."""
    data = f"\ufeff{HEAD}{GROUPS}".replace("\n", "\r\n").encode()
    after = merge_live("x", data, live(*people("8001", "8002", "8003")))
    assert after.startswith(b"\xef\xbb\xbf")
    assert after.count(b"\n") == after.count(b"\r\n") == data.count(b"\n") - 1


def test_a_file_with_problems_is_refused() -> None:
    """A file that no plan could be made of is not touched; all problems are told."""
    with pytest.raises(InvalidFiles) as caught:
        merge_live("x", b"version: 2\nagents: 1\n", live())
    assert len(caught.value.problems) == 3


def test_an_outcome_that_cannot_be_read_is_refused() -> None:
    """Two live agents with one SIP number fit in no file."""
    text = f'{HEAD}agents:\n  - {{operatorId: "8001", sipNumber: "1"}}\n'
    agents = live(live_agent("8001", sipNumber="2"), live_agent("8002", sipNumber="2"))
    with pytest.raises(ReconcilerError, match="both want SIP number 2"):
        merge_live("x", text.encode(), agents)


def _seeing_all(document: Document, changes: FileChanges) -> kept.Abridged:
    return kept.Abridged(unix(document.text), changes)


def both_ways(data: bytes, listed: LiveState) -> tuple[str, str]:
    """What a merge makes of a file, or why it refuses: with placeholders for agents that stay, and without any."""
    results = []
    for way in (kept.without_kept, _seeing_all):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(patch, "without_kept", way)
            try:
                results.append(merge_live("agents.yaml", data, listed).decode())
            except ReconcilerError as error:
                results.append(str(error))
    return results[0], results[1]


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(0, 2**32))
def test_agents_that_stay_need_not_be_looked_at(seed: int) -> None:
    """Where only those that change are looked at, the same comes out, whatever stands between and around them."""
    random = Random(seed)
    text = Clerk(random).file() if random.random() < 0.8 else Scribe(random).file().decode()
    state, problems = read_desired("agents.yaml", text.encode())
    assume(state is not None)
    assert not problems
    one, other = both_ways(text.encode(), moved(random, stated(text.encode()), leaving=random.choice((0, 0.3))))
    assert one == other
