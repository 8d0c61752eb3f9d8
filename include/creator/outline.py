"""The inner form of an SOP: which block stands under which, and what its place says it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from include.creator import cues
from include.creator.blocks import Block, Kind, split_sentences
from include.creator.cues import Topic

ROOT = (-2, 0)
STEP_HEADING = (-1, 0)
MAX_WORD_CHARACTERS = 30


@dataclass
class Node:
    """A block in its place; `lead` is the unfinished sentence that its items complete."""

    block: Block
    headings: tuple[Block, ...]
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def is_lead(self) -> bool:
        """Whether the block only announces what stands under it."""
        return bool(self.children) and self.block.text.rstrip().endswith(":")

    @property
    def lead(self) -> str:
        """The text this item completes, as in "Never promise: - a date"."""
        if self.parent and self.parent.is_lead:
            return last_sentence(self.parent.block)
        heading = self.headings[-1].text if self.headings else ""
        return f"{heading.rstrip(':')}:" if forbids(heading) else ""

    @property
    def section(self) -> str | None:
        """Text of the nearest heading."""
        return self.headings[-1].text if self.headings else None

    @property
    def inherited(self) -> set[Topic]:
        """Topics that the headings or the lead-in line give to all that stands below."""
        if self.parent and self.parent.is_lead:
            given = topics_of_sentence(last_sentence(self.parent.block), is_lead=True)
            return given or self.parent.inherited
        for heading in reversed(self.headings):
            if topics := topics_of_heading(heading.text):
                return topics
        return set()


def build_outline(blocks: list[Block]) -> list[Node]:
    """All blocks but plain headings, in reading order, each linked to its parent."""
    nodes: list[Node] = []
    headings: list[Block] = []
    stack: list[tuple[tuple[int, int], Node]] = []
    for block in blocks:
        if block.kind is Kind.HEADING:
            headings = [h for h in headings if h.level < block.level] + [block]
            stack = []
            if not block.label:
                continue
        node = Node(block, tuple(headings))
        rank = rank_of(block)
        while stack and stack[-1][0] >= rank:
            stack.pop()
        if stack:
            node.parent = stack[-1][1]
            node.parent.children.append(node)
        if block.kind is not Kind.TEXT or block.text.rstrip().endswith(":"):
            stack.append((rank, node))
        nodes.append(node)
    return nodes


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
        sentences = list(split_sentences(node.block))
        for text, first, last in sentences[:-1] if node.is_lead else sentences:
            yield node, text, first, last


def last_sentence(block: Block) -> str:
    """The last sentence of a block, empty if it has none."""
    sentences = list(split_sentences(block))
    return sentences[-1][0] if sentences else ""


def topics_of_heading(text: str) -> set[Topic]:
    """Topics a heading names; one that names dos and don'ts says nothing of a single item."""
    found = {topic for topic, cue in cues.HEADING_TOPICS.items() if cue.search(text)}
    if {Topic.PROHIBITION, Topic.RULES} <= found and not forbids(text):
        found -= {Topic.PROHIBITION}
    return found


def topics_of_sentence(text: str, *, is_lead: bool = False) -> set[Topic]:
    """Topics a sentence names by itself."""
    found = set()
    if forbids(text):
        found.add(Topic.PROHIBITION)
    if cues.ESCALATION.search(text):
        found.add(Topic.ESCALATION)
    if is_lead and not found and cues.ASK_LEAD.search(text):
        found.add(Topic.FACTS)
    if cues.TONE.search(text) and Topic.ESCALATION not in found:
        found.add(Topic.TONE)
    return found


def forbids(text: str) -> bool:
    """Whether a sentence tells the agent not to do something."""
    if cues.PROHIBITION.search(text):
        return True
    return any(
        subject_before(text, found.start()) not in cues.OTHER_SUBJECTS
        for found in cues.DO_NOT.finditer(text)
    )


def subject_before(text: str, end: int) -> str:
    """The word just before an offset, in small letters; empty at the start of a sentence."""
    words = text[max(0, end - MAX_WORD_CHARACTERS) : end].split()
    return words[-1].lower() if words else ""
