"""The inner form of an SOP: which block stands under which, and what its place says it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from include.creator.blocks import LOWEST_HEADING, Block, Kind, split_sentences
from include.creator.cues import Cues, Topic
from include.creator.languages import detect_leading_language

STEP_HEADING = (-1, 0)
MAX_LEAD_CHARACTERS = 300  # it stands before each of its items
MAX_DEPTH = 12  # what stands deeper stands beside it; bounds every recursion over the outline


@dataclass(frozen=True)
class Heading:
    """A heading with what it says of all that stands below."""

    block: Block
    title: str
    topics: frozenset[Topic]
    forbids: bool

    def is_answered(self, nodes: list[Node]) -> bool:
        """Whether this is a question whose answer, one paragraph, has been read."""
        is_question = self.block.level > LOWEST_HEADING
        return is_question and bool(nodes) and nodes[-1].headings[-1:] == (self,)


@dataclass
class Node:
    """A block in its place.

    What is derived is kept: a list may have ten thousand items under one long line.
    """

    block: Block
    headings: tuple[Heading, ...]
    cues: Cues
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    @cached_property
    def sentences(self) -> list[tuple[str, int, int]]:
        """Sentences with their first and last SOP line."""
        return list(split_sentences(self.block))

    @cached_property
    def announces(self) -> bool:
        """Whether the block ends with an unfinished sentence."""
        ends_open = self.block.text.rstrip().endswith(":")
        return ends_open or bool(self.cues.cases_follow.search(self.last_sentence))

    @property
    def is_lead(self) -> bool:
        """Whether the block only announces what stands under it."""
        return bool(self.children) and self.announces

    @cached_property
    def last_sentence(self) -> str:
        """The last sentence, empty if there is none."""
        return self.sentences[-1][0] if self.sentences else ""

    @cached_property
    def announced(self) -> set[Topic]:
        """Topics of the unfinished sentence."""
        return self.cues.topics_of_sentence(self.last_sentence, is_lead=True)

    @property
    def lead(self) -> str:
        """The text this item completes, as in "Never promise: - a date"."""
        if self.parent and self.parent.is_lead:
            return self.parent.last_sentence[-MAX_LEAD_CHARACTERS:]
        heading = self.headings[-1] if self.headings else None
        return f"{heading.title.rstrip(':')}:" if heading and heading.forbids else ""

    @property
    def section(self) -> str | None:
        """Text of the nearest heading."""
        return self.headings[-1].block.text if self.headings else None

    @cached_property
    def inherited(self) -> set[Topic]:
        """Topics that the headings or the lead-in line give to all that stands below."""
        if self.parent and self.parent.is_lead:
            return self.parent.announced or self.parent.inherited
        given = (heading.topics for heading in reversed(self.headings) if heading.topics)
        return set(next(given, ()))


def build_outline(blocks: list[Block], language: Cues) -> list[Node]:
    """All blocks but plain headings, in reading order, each linked to its parent.

    A block in another language than the SOP's is read by its own cues.
    """
    nodes: list[Node] = []
    headings: list[Heading] = []
    stack: list[tuple[tuple[int, int], Node]] = []
    for block in blocks:
        cues = detect_leading_language(block.text, otherwise=language)
        if block.kind is Kind.HEADING:
            headings = [h for h in headings if h.block.level < block.level]
            headings.append(read_heading(block, cues))
            stack = []
            if not block.label:
                continue
        if block.kind is Kind.TEXT and headings and headings[-1].is_answered(nodes):
            headings.pop()
        node = Node(block, tuple(headings), cues)
        rank = rank_of(block)
        while stack and (stack[-1][0] >= rank or len(stack) >= MAX_DEPTH):
            stack.pop()
        if stack:
            node.parent = stack[-1][1]
            node.parent.children.append(node)
        if block.kind is not Kind.TEXT or node.announces:
            stack.append((rank, node))
        nodes.append(node)
    return nodes


def read_heading(block: Block, cues: Cues) -> Heading:
    """A heading and its topics."""
    topics = frozenset(cues.topics_of_heading(block.text))
    return Heading(block, block.text[:MAX_LEAD_CHARACTERS], topics, cues.forbids(block.text))


def rank_of(block: Block) -> tuple[int, int]:
    """Smaller ranks hold greater ones: indent first, then 1 over 1.1 over a) over a bullet."""
    if block.kind is Kind.HEADING:
        return STEP_HEADING
    if block.kind is Kind.TEXT:
        return block.level, -1
    if block.kind is Kind.BULLET:
        return block.level, 9
    return block.level, block.label.count(".") if block.label[0].isdigit() else 8


def walk(nodes: list[Node]) -> Iterator[tuple[Node, str, int, int]]:
    """Every sentence with its node and SOP lines; lead-ins of a list are left to their items."""
    for node in nodes:
        for text, first, last in node.sentences[:-1] if node.is_lead else node.sentences:
            yield node, text, first, last
