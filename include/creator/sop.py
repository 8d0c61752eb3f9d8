"""Reads an SOP into an AgentSpec by its form and its words; no model, same text same result."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from include.creator.blocks import Block, Kind, is_title, normalize, read_blocks, split_sentences
from include.creator.cues import Cues, Topic
from include.creator.languages import detect_language
from include.creator.outline import Node, build_outline, walk
from include.creator.spec import AgentSpec, Condition, Section, Statement, Step, Tool

MAX_TITLE_CHARACTERS = 80
UNTITLED = "Untitled procedure"
TITLE_PREFIX = re.compile(
    r"^(?:SOP|Standard operating procedure)\s*[:\u2013\u2014-]\s*", re.IGNORECASE
)
NEAR_LINES = 3
TITLE_ORNAMENT = "!*=~-# "
PARENTHESES = re.compile(r"\s*\([^()]*\)")
LISTS = {Topic.PROHIBITION, Topic.ESCALATION, Topic.TONE}
NOT_STEPS = {Topic.PROHIBITION, Topic.FACTS, Topic.TONE, Topic.ROLE}

Sentence = tuple[Node, str, int, int]


def read_sop(sop: str) -> AgentSpec:
    """What the SOP asks of an agent; never fails, strange text just gives little."""
    text = normalize(sop)
    language = detect_language(text)
    blocks = read_blocks(text)
    nodes = build_outline(blocks, language)
    sentences = list(walk(nodes))
    conditions = read_conditions(sentences)
    lists = sort_sentences(sentences)
    steps = read_steps(nodes, conditions) or read_prose_steps(sentences)
    in_steps = {c.first_line for step in steps for c in all_conditions(step)}
    return AgentSpec(
        title=read_title(blocks),
        language=language.language,
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
        tools=tuple(read_tools(sentences)),
    )


def read_title(blocks: list[Block]) -> str:
    """The first line if it is a heading or stands alone, else a heading, else a sentence."""
    headings = [b for b in blocks if b.kind is Kind.HEADING]
    if blocks and is_title(blocks[0]):
        title = blocks[0].text
    else:
        sentences = (text for b in (headings or blocks)[:1] for text, _, _ in split_sentences(b))
        title = next(sentences, "")
    title = TITLE_PREFIX.sub("", title.strip(TITLE_ORNAMENT)).strip() or UNTITLED
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
    said = (s for s in sentences if s[0].cues.role.search(s[1]))
    placed = (s for s in sentences if Topic.ROLE in s[0].inherited)
    found = next(said, None) or next(placed, None)
    return Statement(text=found[1], first_line=found[2], last_line=found[3]) if found else None


def sort_sentences(sentences: list[Sentence]) -> dict[Topic, list[Statement]]:
    """Put each sentence into every list it belongs to; a rule only if nothing more exact."""
    lists: dict[Topic, list[Statement]] = defaultdict(list)
    previous: Node | None = None
    for node, text, first, last in sentences:
        own = read_own_topics(node, text)
        if node.cues.as_before.search(text) and is_near(lists[Topic.ESCALATION], first):
            own.add(Topic.ESCALATION)
        given = read_given_topics(node, text, own, is_first=node is not previous)
        previous = node
        topics = (own | given) & LISTS
        whole = f"{node.lead} {text}" if given & LISTS and not own & given else text
        statement = Statement(text=whole.strip(), first_line=first, last_line=last)
        for topic in topics:
            lists[topic].append(statement)
        facts = [] if Topic.PROHIBITION in given else list(read_facts(node.cues, text, given))
        for fact in facts:
            lists[Topic.FACTS].append(Statement(text=fact, first_line=first, last_line=last))
        is_rule = node.cues.rule.search(text) or Topic.RULES in given
        if is_rule and not topics and not facts:
            lists[Topic.RULES].append(statement)
    return lists


def is_near(statements: list[Statement], line: int) -> bool:
    """Whether the last statement stands just above a line."""
    return bool(statements) and line - statements[-1].last_line <= NEAR_LINES


def read_own_topics(node: Node, text: str) -> set[Topic]:
    """What a sentence is about by its own words."""
    if node.cues.cases_follow.search(node.lead):
        return set()
    own = node.cues.topics_of_sentence(text)
    if Topic.ROLE in node.inherited and node.cues.role_limit.search(text):
        own.add(Topic.PROHIBITION)
    return own


def read_given_topics(node: Node, text: str, own: set[Topic], *, is_first: bool) -> set[Topic]:
    """What a sentence is about by its place."""
    given = set(node.inherited)
    if not is_first:
        # A second sentence explains: "Never: promise a date. The workshop decides."
        given.discard(Topic.PROHIBITION)
    is_led = node.parent is not None and node.parent.is_lead
    if not is_led and (Topic.PROHIBITION in own or node.cues.own_case.search(text)):
        # Not when to hand over, but what not to do then, or that the agent goes on by itself.
        given.discard(Topic.ESCALATION)
    return given


def read_tools(sentences: list[Sentence]) -> Iterator[Tool]:
    """Sentences that demand an action in a system, or one that takes some."""
    for node, text, first, last in sentences:
        cues = node.cues
        if found := cues.find_wanted(cues.tool, text) or cues.find_wanted(cues.action, text):
            named = (name for name in found.groupdict().values() if name)
            yield Tool(text=text, first_line=first, last_line=last, system=next(named, None))


def read_facts(cues: Cues, text: str, given: set[Topic]) -> Iterator[str]:
    """What the agent must find out: the item of a list of facts, or what a sentence asks for."""
    text = PARENTHESES.sub("", text)
    asked = cues.ask.search(text) or cues.ask_named.search(text)
    if asked and cues.negative.search(cues.cases.sub("", text[: asked.start()])):
        return
    if asked and cues.question.match(asked["facts"]):
        yield cues.question_end.sub("", asked["facts"])
    elif asked:
        named = cues.facts_end.sub("", asked["facts"])
        parts = (cues.facts_leading.sub("", p.strip()) for p in cues.facts_split.split(named))
        yield from (part for part in parts if part)
    elif Topic.FACTS in given:
        yield text.rstrip(".;,")


def read_conditions(sentences: list[Sentence]) -> dict[int, list[Condition]]:
    """Conditions by the identity of their node; "otherwise" joins the condition just before."""
    found: dict[int, list[Condition]] = defaultdict(list)
    previous: list[Condition] = []
    for node, text, first, last in sentences:
        otherwise = node.cues.otherwise.match(text)
        if otherwise and previous:
            previous[-1] = previous[-1].model_copy(
                update={"otherwise": otherwise["then"], "last_line": last}
            )
            previous = []
            continue
        case = split_condition(node.cues, text)
        previous = []
        if case:
            previous = found[id(node)]
            when, then = case
            previous.append(
                Condition(text=text, first_line=first, last_line=last, when=when, then=then)
            )
    return found


def split_condition(cues: Cues, text: str) -> tuple[str, str] | None:
    """The case and what to do in it; `unless` stays with its case."""
    if cues.otherwise.match(text):
        return None
    if case := split_leading_case(cues, text):
        return case
    last = cues.condition_last.match(text)
    if not last or cues.no_case.search(last["then"]):
        return None
    # "Say hello, if the name is wrong do not go on": the case belongs to what follows it.
    followed = text[last.start("word") - 2] == "," and split_leading_case(
        cues, text[last.start("word") :]
    )
    if followed:
        return followed
    return keep_reversed(cues, last["word"], last["when"].rstrip(".")), last["then"].strip()


def split_leading_case(cues: Cues, text: str) -> tuple[str, str] | None:
    """The case that a text begins with, up to the first border that an order follows."""
    first = cues.condition_first.match(text)
    if not first:
        return None
    rest = first["rest"]
    borders = [b for b in cues.then.finditer(rest) if rest[b.end() :].strip()]
    ordered = [b for b in borders if cues.order.match(rest, b.end())][:1]
    ordered += [b for b in [cues.run_on.search(rest)] if b]
    border = min(ordered or borders[:1], key=re.Match.start, default=None)
    if border is None:
        return None
    when = keep_reversed(cues, first["word"], rest[: border.start()])
    return when, rest[border.end() :].strip()


def keep_reversed(cues: Cues, word: str, when: str) -> str:
    """The case with its `unless`, which turns the meaning round."""
    kept = f"{word} " if word.lower() in cues.reversing_words else ""
    return f"{kept.lower()}{when.strip()}"


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
    found = [s for s in sentences if s[0].cues.sequence.match(s[1])]
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
