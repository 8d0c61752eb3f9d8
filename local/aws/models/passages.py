"""Cuts retrieved passages into what can be quoted: sentences, list items and table rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

PASSAGE_HEADER = re.compile(r"^\[(\d+)\] \(document: (.*)\)[ \t]*$", re.M)
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
UNDERLINE = re.compile(r"^(=+|-{3,})$")
LIST_ITEM = re.compile(r"^(?:[-*+•‣▪]|\d{1,2}[.)]|[a-z][.)])\s+")
TABLE_RULE = re.compile(r"^\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?$")
ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|approx|Inc|Ltd|Co|e\.g|i\.e|a\.m|p\.m|[A-Z])\.)$"
)
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*_”]*\s+(?=[\"'(\[*_“]*[A-Z0-9€$£])")
# A row that extraction wrote as "Column: value, Column: value".
ROW = re.compile(r"^[^:.,|]{1,40}: [^|]*?, [^:.,|]{1,40}: ")
TITLE_MAX_CHARS = 70
TITLE_MAX_WORDS = 5
NUMBERING = re.compile(r"^\d{1,2}(?:\.\d{1,2})*[.)]?\s+")
MIN_TABLE_LINES = 3
WRAPPED_MIN_SHARE = 0.85  # of a paragraph's longest line
CELL_MAX_CHARS = 60  # of a CSV file
RUN_IN_HEADING_MAX_WORDS = 3


@dataclass(frozen=True)
class Passage:
    """One retrieved chunk; `number` is what it is cited by."""

    number: int
    document: str
    text: str


@dataclass(frozen=True)
class Unit:
    """Something to quote, and what has to be known to understand it."""

    passage: Passage
    text: str
    headings: tuple[str, ...] = ()  # outermost first
    lead: str = ""  # the question or the "You need:" that it follows
    before: str = ""  # the sentence before it
    cells: tuple[tuple[str, str], ...] = ()  # of a table row: column name and value
    columns: str = ""  # all column names of a table row that lost its cell borders


@dataclass
class Outline:
    """The headings and the lead-in that hold at the current line."""

    headings: dict[int, str] = field(default_factory=dict)
    lead: str = ""

    def enter(self, level: int, title: str) -> None:
        """Start a section."""
        self.headings = {k: v for k, v in self.headings.items() if k < level} | {level: title}
        self.lead = ""

    def unit(self, passage: Passage, text: str, before: str = "") -> Unit:
        """A sentence at this place."""
        return Unit(passage, text, tuple(self.headings.values()), self.lead, before)


def parse_passages(text: str) -> list[Passage]:
    """Read the answer of the `retrieve` tool: `[n] (document: name)` and the text under it."""
    parts = PASSAGE_HEADER.split(text)[1:]
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return [Passage(int(n), document, body.strip()) for n, document, body in triples]


def find_units(passage: Passage) -> list[Unit]:
    """Everything quotable in a passage, in its order."""
    outline = Outline()
    units: list[Unit] = []
    text = re.sub(r"\t\t+", "\n", passage.text)  # Word tables: a row ends with an empty cell
    blocks = [
        [line.strip() for line in block.splitlines() if line.strip()]
        for block in re.split(r"\n[ \t]*\n", text)
    ]
    for block, following in zip(blocks, [*blocks[1:], []], strict=True):
        if _is_borderless_table(block):
            rows = [outline.unit(passage, row) for row in block[1:]]
            units.extend(replace(row, columns=block[0]) for row in rows)
        elif _is_numbered_title(block, following):
            outline.enter(6, NUMBERING.sub("", block[0]))
        elif block is blocks[0] and _is_document_title(block):
            outline.enter(0, block[0])
            units.extend(_read_block(passage, block[1:], outline))
        else:
            units.extend(_read_block(passage, block, outline))
    return units or [Unit(passage, line) for block in blocks for line in block]


def _is_document_title(block: list[str]) -> bool:
    """A name like "Kettle K500" on the first line."""
    words = block[0].split() if block else []
    return 0 < len(words) <= TITLE_MAX_WORDS and bool(re.fullmatch(r"[A-Z][\w -]*\w", block[0]))


def _is_numbered_title(block: list[str], following: list[str]) -> bool:
    """A short numbered line by itself, unless it is an item of a list with gaps."""
    if len(block) != 1 or not following or not NUMBERING.match(block[0]):
        return False
    return _is_title([NUMBERING.sub("", block[0])]) and not NUMBERING.match(following[0])


def _is_borderless_table(block: list[str]) -> bool:
    """Lines without an end of sentence under one without figures: a table as text."""
    if len(block) < MIN_TABLE_LINES or re.search(r"\d", block[0]):
        return False
    marked = any(line.endswith((".", ":", "?", "!", ";", "|")) or ROW.match(line) for line in block)
    return (
        not marked
        and not any(LIST_ITEM.match(line) for line in block[1:])
        and not any(
            line[0].islower() or "\t" in line or _split_pipes(line) or _split_commas(line)
            for line in block
        )
    )


def _read_block(passage: Passage, lines: list[str], outline: Outline) -> Iterator[Unit]:
    while lines:
        rows, rest = _take_table(lines)
        if rows:
            yield from _read_table(passage, rows, outline)
        elif heading := HEADING.match(lines[0]):
            outline.enter(len(heading[1]), heading[2])
            rest = lines[1:]
        elif len(lines) > 1 and UNDERLINE.match(lines[1]):
            outline.enter(1 if lines[1][0] == "=" else 2, lines[0])
            rest = lines[2:]
        elif _is_title(lines):
            outline.enter(6, lines[0])
            rest = lines[1:]
        else:
            segment, rest = _take_segment(lines)
            yield from _read_segment(passage, segment, outline)
        lines = rest


def _is_title(lines: list[str]) -> bool:
    line = lines[0]
    words = line.split()
    return (
        len(line) <= TITLE_MAX_CHARS
        and len(words) <= 9
        and line[0].isupper()
        and not re.search(r"[.!?:;,|\d]$|[.:;]\s", line)
        and not LIST_ITEM.match(line)
        and (len(lines) == 1 or lines[1][0].isupper() or bool(LIST_ITEM.match(lines[1])))
    )


def _take_segment(lines: list[str]) -> tuple[str, list[str]]:
    """The first paragraph or list item with the lines it was wrapped into."""
    segment = lines[0]
    if ROW.match(segment):
        return segment, lines[1:]
    width = WRAPPED_MIN_SHARE * max(map(len, lines))
    for index, line in enumerate(lines[1:], start=1):
        wrapped = line[0].islower() or len(lines[index - 1]) >= width
        starts_anew = any(p.match(line) for p in (LIST_ITEM, HEADING, ROW)) or "|" in line
        if starts_anew or not wrapped or _take_table(lines[index:])[0]:
            return segment, lines[index:]
        segment += f" {line}"
    return segment, []


def _read_segment(passage: Passage, segment: str, outline: Outline) -> Iterator[Unit]:
    text = LIST_ITEM.sub("", segment)
    if text == segment and not outline.lead.rstrip("*_").endswith("?"):
        outline.lead = ""
    before = ""
    for sentence in [text] if ROW.match(text) else split_sentences(text):
        if sentence.rstrip("*_").endswith(("?", ":")):
            outline.lead = sentence
        else:
            yield outline.unit(passage, sentence, before)
        before = sentence


def split_sentences(text: str) -> list[str]:
    """Sentences of a paragraph; abbreviations, decimals and "Cash. We take ..." do not end one."""
    sentences: list[str] = []
    for piece in SENTENCE_END.split(text):
        run_in = len(sentences) == 1 and len(sentences[0].split()) <= RUN_IN_HEADING_MAX_WORDS
        if sentences and (run_in or ABBREVIATION.search(sentences[-1])):
            sentences[-1] += f" {piece}"
        else:
            sentences.append(piece)
    return [sentence.strip() for sentence in sentences if sentence.strip()]


def _take_table(lines: list[str]) -> tuple[list[list[str]], list[str]]:
    """The rows (header first) of the table the lines begin with, and the lines after it."""
    for split in (_split_pipes, _split_tabs, _split_commas):
        count = 0
        while count < len(lines) and not ROW.match(lines[count]) and (cells := split(lines[count])):
            if count and len(cells) != len(split(lines[0])):
                break
            count += 1
        if count > 1 or (count == 1 and split is _split_pipes):
            rows = [split(line) for line in lines[:count] if not TABLE_RULE.match(line)]
            return rows, lines[count:]
    return [], []


def _split_pipes(line: str) -> list[str]:
    if TABLE_RULE.match(line):
        return ["-"] * len(line.strip("|").split("|"))
    if not line.startswith("|") and line.count(" | ") < 1:
        return []
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _split_tabs(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("\t")] if "\t" in line else []


def _split_commas(line: str) -> list[str]:
    """Cells of a CSV line; prose, which has a blank after its commas, is none."""
    for delimiter in (",", ";"):
        cells = next(csv.reader([line], delimiter=delimiter))
        prose = any(c.startswith(" ") or ". " in c or len(c) > CELL_MAX_CHARS for c in cells)
        if len(cells) > 1 and not prose:
            return [cell.strip() for cell in cells]
    return []


def _read_table(passage: Passage, rows: list[list[str]], outline: Outline) -> Iterator[Unit]:
    header, body = rows[0], rows[1:]
    if not body or any(re.match(r"[\d€$£]", cell) for cell in header):
        header, body = [""] * len(rows[0]), rows
    for row in body:
        cells = tuple(zip(header, row, strict=False))
        text = " ".join(cell for pair in cells for cell in pair)
        yield replace(outline.unit(passage, text), cells=cells)
