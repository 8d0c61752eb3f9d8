"""The outer form of an SOP: headings, numbered items, bullets and paragraphs, with their lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import accumulate

HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*$")
HEADING_NUMBER = re.compile(r"^\d{1,3}(?:\.\d{1,3})*\s+(?=\D)")
STEP_HEADING = re.compile(r"^step\s+(\d{1,3}[a-z]?)\b[\s.:)\u2013\u2014-]*(.*)$", re.IGNORECASE)
NUMBERED = re.compile(
    r"^\s*(?:\((?P<bracketed>\d{1,3}|[a-zA-Z])\)"
    r"|(?:step\s+(?P<step>\d{1,3}[a-z]?)\s*[.:)\u2013\u2014-])"
    r"|(?P<number>\d{1,3}(?:\.\d{1,3})*[a-z]?)(?:[.):-](?=\s|$)|(?<=\.\d)(?=\s))"
    r"|(?P<small>(?-i:[a-h]))\.(?=\s)"
    r"|(?P<letter>[a-zA-Z]|[ivx]{2,5})\))\s*(?P<text>.*)$",
    re.IGNORECASE,
)
BULLET = re.compile(r"^\s*[-*+\u2022\u2023\u2013\u2014]\s+(?:\[[ xX]\]\s+)?(.*)$")
TABLE_ROW = re.compile(r"^\s*\|.*\|$")
FENCE = re.compile(r"^\s*(?:```|~~~)\w*\s*$")
RULER_MARKS = (frozenset("-*_=~ "), frozenset("|:- "))
UNDERLINE = re.compile(r"^\s{0,3}(=+|-+)\s*$")
BOLD_LINE = re.compile(r"^\s*(\*\*|__)(?P<text>[^*_]+)\1:?\s*$")
QUESTION = re.compile(r"^\s*(?:Q|Question|F|Frage)\s?\d*:\s+(.*)$")
ANSWER = re.compile(r"^\s*(?:A|Answer|Antwort)\s?\d*:\s+")
QUOTE = re.compile(r"^\s*>\s?")
EMPHASIS = re.compile(r"\*\*|__|`")
MAX_LABEL_CHARACTERS = 80  # a longer line is a sentence, not a heading
LOWEST_HEADING = 6
TAB_WIDTH = 4


class Kind(Enum):
    """What a block is."""

    HEADING = auto()
    NUMBERED = auto()
    BULLET = auto()
    TEXT = auto()


@dataclass
class Block:
    """One heading, list item or paragraph; `level` counts a heading's depth, else the indent."""

    kind: Kind
    level: int
    label: str = ""
    lines: list[tuple[int, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The block's lines joined by spaces."""
        return " ".join(text for _, text in self.lines)

    @property
    def first_line(self) -> int:
        """First line in the SOP."""
        return self.lines[0][0]

    @property
    def last_line(self) -> int:
        """Last line in the SOP."""
        return self.lines[-1][0]

    def line_starts(self) -> list[int]:
        """The offset in `text` at which each line begins."""
        lengths = (len(text) + 1 for _, text in self.lines[:-1])
        return list(accumulate(lengths, initial=0))


def normalize(text: str) -> str:
    """Text that any model accepts: `\\n` line ends, and no half surrogates."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return unified.encode("utf-8", "replace").decode("utf-8")


def read_blocks(sop: str) -> list[Block]:
    """Cut a normalized SOP into blocks; whatever has no form is a paragraph."""
    blocks: list[Block] = []
    open_block = False
    for number, raw in enumerate(sop.split("\n"), start=1):
        line = ANSWER.sub("", QUOTE.sub("", raw.expandtabs(TAB_WIDTH)).rstrip())
        if open_block and UNDERLINE.match(line) and is_title(blocks[-1]):
            blocks[-1].kind, blocks[-1].level = Kind.HEADING, 1 if "=" in line else 2
            open_block = False
        elif not line.strip() or is_ruler(line):
            if open_block and TABLE_ROW.match(line):
                del blocks[-1]  # the names of the columns
            open_block = False
        elif (block := start_block(line)) is not None:
            block.lines.append((number, clean(block_text(line))))
            blocks.append(block)
            open_block = block.kind is not Kind.HEADING
        elif open_block:
            blocks[-1].lines.append((number, clean(line)))
        else:
            blocks.append(Block(Kind.TEXT, indent(line), lines=[(number, clean(line))]))
            open_block = True
    return [block for block in blocks if block.text.strip() or block.label]


def start_block(line: str) -> Block | None:
    """An empty block of the kind this line opens, None if the line just goes on."""
    if heading := HEADING.match(line):
        step = STEP_HEADING.match(heading[2])
        label = step[1] if step else ""
        return Block(Kind.HEADING, len(heading[1]), label)
    if QUESTION.match(line):
        return Block(Kind.HEADING, LOWEST_HEADING + 1)
    if BOLD_LINE.match(line) or is_shouted(line):
        return Block(Kind.HEADING, LOWEST_HEADING)
    if numbered := NUMBERED.match(line):
        groups = numbered.groupdict()
        label = next(v for k, v in groups.items() if k != "text" and v is not None)
        return Block(Kind.NUMBERED, indent(line), label)
    if BULLET.match(line) or TABLE_ROW.match(line):
        return Block(Kind.BULLET, indent(line))
    return None


def block_text(line: str) -> str:
    """The line without the marks that make it a heading or a list item."""
    if heading := HEADING.match(line):
        step = STEP_HEADING.match(heading[2])
        numbered = NUMBERED.match(heading[2])
        unnumbered = numbered["text"] if numbered else HEADING_NUMBER.sub("", heading[2])
        return step[2] if step else unnumbered
    if question := QUESTION.match(line):
        return question[1]
    for pattern in (BOLD_LINE, NUMBERED):
        if found := pattern.match(line):
            return found["text"]
    bullet = BULLET.match(line)
    return bullet[1] if bullet else line


def is_ruler(line: str) -> bool:
    """Whether the line draws something instead of saying it: a rule, a table's bar, a fence."""
    marks = frozenset(line)
    drawn = any(marks <= allowed for allowed in RULER_MARKS) and len(line.strip()) > 2
    return drawn or FENCE.match(line) is not None


def is_title(block: Block) -> bool:
    """Whether a paragraph can be the upper line of an underlined heading."""
    one_line = block.kind is Kind.TEXT and len(block.lines) == 1
    return one_line and len(block.text) <= MAX_LABEL_CHARACTERS


def is_shouted(line: str) -> bool:
    """Whether the line is a heading in capitals."""
    text = line.strip()
    words = re.findall(r"[^\W\d_]{2,}", text)
    short = len(text) <= MAX_LABEL_CHARACTERS and not text.endswith((".", "!", "?"))
    return short and len(words) >= 1 and text.isupper() and not BULLET.match(line)


def clean(text: str) -> str:
    """The words alone: no emphasis marks, table bars or white space around them."""
    return EMPHASIS.sub("", text).strip().strip("|").strip()


def indent(line: str) -> int:
    """Leading spaces."""
    return len(line) - len(line.lstrip())


def split_sentences(block: Block) -> Iterator[tuple[str, int, int]]:
    """Sentences of a block, each with its first and last SOP line."""
    text = block.text
    starts = block.line_starts()
    for start, end in sentence_spans(text):
        sentence = text[start:end].strip(" \t;")
        if sentence:
            start = end - len(text[start:end].lstrip())
            stop = start + len(sentence)
            first = block.lines[bisect_right(starts, start) - 1][0]
            yield sentence, first, block.lines[bisect_right(starts, stop - 1) - 1][0]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence; a single word belongs to the sentence before it."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end in [*sentence_ends(text), len(text)]:
        alone = not LETTER_SPACE_LETTER.search(text, start, end)
        if spans and alone and not text[:end].endswith(":"):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        start = end
    return spans


LETTER_SPACE_LETTER = re.compile(r"\w\W+\w")
ENDS = re.compile(
    r"(?:[.!?\u2026]+[\"'\u201d\u2019)\]]*|;|[\u3002\uff01\uff1f])\s+|[\u3002\uff01\uff1f]"
)
ABBREVIATION = re.compile(
    r"\b(?:e\.g|i\.e|etc|approx|incl|mr|mrs|ms|dr|nr|vs|tel|nb|bzw|ca|usw|[a-z])\.\s+$",
    re.IGNORECASE,
)


def sentence_ends(text: str) -> Iterator[int]:
    """Offsets just after each sentence but the last."""
    for end in ENDS.finditer(text):
        before = text[max(0, end.end() - 12) : end.end()]
        if not ABBREVIATION.search(before):
            yield end.end()
