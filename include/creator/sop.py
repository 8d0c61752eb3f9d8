"""Reads an SOP into an AgentSpec by its form and its words; no model, same text same result."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from include.creator import cues
from include.creator.blocks import Block, Kind, normalize, read_blocks, split_sentences
from include.creator.cues import Topic
from include.creator.outline import Node, build_outline, topics_of_sentence, walk
from include.creator.spec import AgentSpec, Condition, Section, Statement, Step

MAX_TITLE_CHARACTERS = 80
UNTITLED = "Untitled procedure"
TITLE_PREFIX = re.compile(
    r"^(?:SOP|Standard operating procedure)\s*[:\u2013\u2014-]\s*", re.IGNORECASE
)
LISTS = {Topic.PROHIBITION, Topic.ESCALATION, Topic.TONE}
NOT_STEPS = {Topic.PROHIBITION, Topic.FACTS, Topic.TONE, Topic.ROLE}

Sentence = tuple[Node, str, int, int]


def read_sop(sop: str) -> AgentSpec:
    """What the SOP asks of an agent; never fails, strange text just gives little."""
    blocks = read_blocks(normalize(sop))
    nodes = build_outline(blocks)
    sentences = list(walk(nodes))
    conditions = read_conditions(sentences)
    lists = sort_sentences(sentences)
    steps = read_steps(nodes, conditions) or read_prose_steps(sentences)
    in_steps = {c.first_line for step in steps for c in all_conditions(step)}
    return AgentSpec(
        title=read_title(blocks),
        role=read_role(sentences),
        sections=tuple(read_sections(blocks)),
        steps=steps,
        conditions=tuple(
            c for found in conditions.values() for c in found if c.first_line not in in_steps
        ),
        tone=tuple(lists[Topic.TONE]),
        rules=tuple(lists[Topic.RULES]),
        prohibitions=tuple(lists[Topic.PROHIBITION]),
        escalations=tuple(lists[Topic.ESCALATION]),
        facts_to_collect=tuple(lists[Topic.FACTS]),
    )


def read_title(blocks: list[Block]) -> str:
    """The first heading, else the first sentence, shortened."""
    headings = [b for b in blocks if b.kind is Kind.HEADING]
    sentences = (text for b in (headings or blocks)[:1] for text, _, _ in split_sentences(b))
    title = TITLE_PREFIX.sub("", next(sentences, UNTITLED)).strip() or UNTITLED
    return title[:MAX_TITLE_CHARACTERS].rstrip()


def read_sections(blocks: list[Block]) -> Iterator[Section]:
    """The headings."""
    for block in blocks:
        if block.kind is Kind.HEADING:
            yield Section(
                text=block.text,
                first_line=block.first_line,
                last_line=block.last_line,
                level=block.level,
            )


def read_role(sentences: list[Sentence]) -> Statement | None:
    """The sentence that says who the agent is, else the first one under such a heading."""
    said = (s for s in sentences if cues.ROLE.search(s[1]))
    placed = (s for s in sentences if Topic.ROLE in s[0].inherited)
    found = next(said, None) or next(placed, None)
    return Statement(text=found[1], first_line=found[2], last_line=found[3]) if found else None


def sort_sentences(sentences: list[Sentence]) -> dict[Topic, list[Statement]]:
    """Put each sentence into every list it belongs to; a rule only if nothing more exact."""
    lists: dict[Topic, list[Statement]] = defaultdict(list)
    previous: Node | None = None
    for node, text, first, last in sentences:
        # A second sentence explains: "Never: promise a date. The workshop decides."
        given = node.inherited - ({Topic.PROHIBITION} if node is previous else set())
        previous = node
        own = set() if cues.CASES_FOLLOW.search(node.lead) else topics_of_sentence(text)
        topics = (own | given) & LISTS
        whole = f"{node.lead} {text}" if given & LISTS and not own & given else text
        statement = Statement(text=whole.strip(), first_line=first, last_line=last)
        for topic in topics:
            lists[topic].append(statement)
        facts = [] if Topic.PROHIBITION in topics else list(read_facts(text, given))
        for fact in facts:
            lists[Topic.FACTS].append(Statement(text=fact, first_line=first, last_line=last))
        is_rule = cues.RULE.search(text) or Topic.RULES in given
        if is_rule and not topics and not facts:
            lists[Topic.RULES].append(statement)
    return lists


def read_facts(text: str, given: set[Topic]) -> Iterator[str]:
    """What the agent must find out: the item of a list of facts, or what a sentence asks for."""
    asked = cues.ASK.search(text) or cues.ASK_NAMED.search(text)
    if asked and cues.QUESTION.match(asked["facts"]):
        yield cues.QUESTION_END.sub("", asked["facts"])
    elif asked:
        named = cues.FACTS_END.sub("", asked["facts"])
        parts = (cues.FACTS_LEADING.sub("", p.strip()) for p in cues.FACTS_SPLIT.split(named))
        yield from (part for part in parts if part)
    elif Topic.FACTS in given:
        yield text.rstrip(".;,")


def read_conditions(sentences: list[Sentence]) -> dict[int, list[Condition]]:
    """Conditions by the identity of their node; "otherwise" joins the condition just before."""
    found: dict[int, list[Condition]] = defaultdict(list)
    previous: list[Condition] = []
    for node, text, first, last in sentences:
        otherwise = cues.OTHERWISE.match(text)
        if otherwise and previous:
            previous[-1] = previous[-1].model_copy(
                update={"otherwise": otherwise["then"], "last_line": last}
            )
            previous = []
            continue
        case = split_condition(text)
        previous = []
        if case:
            previous = found[id(node)]
            when, then = case
            previous.append(
                Condition(text=text, first_line=first, last_line=last, when=when, then=then)
            )
    return found


def split_condition(text: str) -> tuple[str, str] | None:
    """The case and what to do in it; `unless` stays with its case."""
    if cues.OTHERWISE.match(text):
        return None
    if first := cues.CONDITION_FIRST.match(text):
        border = cues.THEN.search(first["rest"])
        if border and first["rest"][border.end() :].strip():
            when, then = first["rest"][: border.start()], first["rest"][border.end() :]
            return keep_unless(first["word"], when), then.strip()
    last = cues.CONDITION_LAST.match(text)
    if last and not cues.NO_CASE.search(last["then"]):
        return keep_unless(last["word"], last["when"].rstrip(".")), last["then"].strip()
    return None


def keep_unless(word: str, when: str) -> str:
    """The case with its `unless`, which turns the meaning round."""
    return f"unless {when.strip()}" if word.lower() == "unless" else when.strip()


def read_steps(nodes: list[Node], conditions: dict[int, list[Condition]]) -> tuple[Step, ...]:
    """Numbered items; without any, the bullets that are about nothing else."""
    for kinds in ({Kind.NUMBERED, Kind.HEADING}, {Kind.BULLET}):
        roots = [node for node in nodes if is_step(node, kinds)]
        if roots:
            return tuple(build_step(node, conditions) for node in roots)
    return ()


def is_step(node: Node, kinds: set[Kind]) -> bool:
    """Whether the node is a step of the outermost level."""
    ancestor = node.parent
    while ancestor is not None:
        if ancestor.block.kind in kinds:
            return False
        ancestor = ancestor.parent
    is_sequence = node.block.kind in kinds or Topic.STEPS in node.inherited
    return is_sequence and node.block.kind is not Kind.TEXT and not node.inherited & NOT_STEPS


def build_step(node: Node, conditions: dict[int, list[Condition]]) -> Step:
    """A step with all that stands under it; bare paragraphs below only give their conditions."""
    notes = [c for c in node.children if c.block.kind is Kind.TEXT and not c.children]
    own = [c for n in (node, *notes) for c in conditions.get(id(n), [])]
    below = [c for c in node.children if c not in notes]
    return Step(
        text=node.block.text,
        first_line=node.block.first_line,
        last_line=max(n.block.last_line for n in (node, *notes)),
        label=node.block.label or "-",
        section=node.section,
        conditions=tuple(own),
        steps=tuple(build_step(child, conditions) for child in below),
    )


def read_prose_steps(sentences: list[Sentence]) -> tuple[Step, ...]:
    """Sentences that begin with "first", "then" and the like; one alone is no procedure."""
    found = [s for s in sentences if cues.SEQUENCE.match(s[1])]
    if len(found) == 1:
        return ()
    return tuple(
        Step(text=text, first_line=first, last_line=last, label=str(n), section=node.section)
        for n, (node, text, first, last) in enumerate(found, start=1)
    )


def all_conditions(step: Step) -> Iterator[Condition]:
    """Conditions of a step and of all steps below."""
    yield from step.conditions
    for child in step.steps:
        yield from all_conditions(child)
