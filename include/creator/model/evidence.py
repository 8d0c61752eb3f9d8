"""Whether what a model read stands in the SOP, in the lines it names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from include.creator.blocks import normalize
from include.creator.spec import AgentSpec, SpecModel, Statement

WORDS = re.compile(r"\w+")
SHOWN_CHARACTERS = 80
# Lists that a model may add to, never shorten: what the rules find stays.
GUARDED = ("prohibitions", "escalations")


def find_inventions(spec: AgentSpec, sop: str, ruled: AgentSpec) -> list[str]:
    """A finding for each item that does not stand, word for word, in the lines it names.

    `ruled` is what the rules read in the SOP: they put a heading before what stands under it
    ("Never: Promise a refund"), and so may a model, in the same words.
    """
    lines = [read_words(line) for line in normalize(sop).split("\n")]
    whole = join(lines)
    known = {identify(item) for item in find_statements(ruled)}
    return [
        f"The item {shorten(item.text)!r} of {describe_place(item)}: {fault}"
        for item in find_statements(spec)
        if identify(item) not in known and (fault := find_fault(item, lines, whole))
    ]


def identify(item: Statement) -> tuple[object, ...]:
    """What makes two items the same."""
    return item.first_line, item.last_line, read_words(item.text), *find_parts(item)


def find_parts(item: Statement) -> list[str]:
    """The words of what an item says besides its text: a case and its consequence, say."""
    names = [name for name in type(item).model_fields if name not in ("text", "label")]
    values = (getattr(item, name) for name in names)
    parts = (read_words(value) for value in values if isinstance(value, str))
    return [words for words in parts if words.strip()]


def find_fault(item: Statement, lines: list[str], whole: str) -> str | None:
    """What is wrong with an item's evidence in the lines, or None; `whole` is all of them."""
    words = read_words(item.text)
    if not 1 <= item.first_line <= item.last_line <= len(lines):
        return f"there are only the lines 1 to {len(lines)}."
    if not words.strip():
        return "it has no words."
    if words in join(lines[item.first_line - 1 : item.last_line]):
        return find_invented_part(item, whole)
    if words in whole:
        return "it does not stand there but in other lines; name those."
    return "the procedure does not say so; quote it, or leave the item out."


def find_invented_part(item: Statement, sop: str) -> str | None:
    """What is said of an item that the procedure does not say, or None."""
    invented = next((part.strip() for part in find_parts(item) if part not in sop), None)
    return f"the procedure does not say {shorten(invented)!r}; use its words." if invented else None


def find_statements(value: object) -> Iterator[Statement]:
    """Every statement in a spec, at any depth."""
    if isinstance(value, Statement):
        yield value
    if isinstance(value, SpecModel):
        for name in type(value).model_fields:
            yield from find_statements(getattr(value, name))
    elif isinstance(value, tuple):
        for member in value:
            yield from find_statements(member)


def keep_guarded(spec: AgentSpec, ruled: AgentSpec) -> AgentSpec:
    """The model's spec with every prohibition and escalation that the rules have found."""
    return spec.model_copy(
        update={name: merge(getattr(spec, name), getattr(ruled, name)) for name in GUARDED}
    )


def merge(read: tuple[Statement, ...], ruled: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Both lists in the order of the SOP; of two items about the same, the one that says more."""
    missing = [item for item in ruled if not any(says(other, item) for other in read)]
    kept = [item for item in read if not any(says(other, item) for other in missing)]
    return tuple(sorted([*kept, *missing], key=lambda item: (item.first_line, item.last_line)))


def says(item: Statement, other: Statement) -> bool:
    """Whether an item holds all the words of another about the same lines."""
    is_near = item.first_line <= other.last_line and other.first_line <= item.last_line
    return is_near and read_words(other.text) in read_words(item.text)


def read_words(text: str) -> str:
    """The words of a text between single spaces: marks, case and line ends do not matter."""
    return f" {' '.join(WORDS.findall(normalize(text).casefold()))} "


def join(lines: list[str]) -> str:
    """Lines of words as one."""
    return f" {' '.join(' '.join(lines).split())} "


def describe_place(item: Statement) -> str:
    """The lines an item names."""
    if item.first_line == item.last_line:
        return f"line {item.first_line}"
    return f"lines {item.first_line} to {item.last_line}"


def shorten(text: str) -> str:
    """The beginning of a text."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
