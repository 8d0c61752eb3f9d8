"""What a system prompt makes the deterministic model do: hand over, refuse, name the next step.

It reads the lists of the prompt's digest ("Never:", "Hand over to a person:", "Steps:") and the
conditions in the hand-off tool's description, and compares their words with the user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from local.aws.models.terms import find_terms

TITLE = re.compile(r"^(?P<title>[A-Z][A-Za-z ]+):$")
LABEL = r"(?:\d{1,3}(?:\.\d{1,3})*[a-z]?|[a-z]|[ivx]{2,5})\. "
ITEM = re.compile(rf"^\s*- (?:{LABEL})?(?P<text>.+?)(?: \(lines? [\d-]+\))?$")
QUOTED = re.compile(r'"([^"\n]{3,})"')
LOOKUP = re.compile(
    r"^\W*(?:how|what|where|when|which|who|why|does|do|is|are|was|wie|wo|wann|wer|welche\w*|warum)\b",
    re.I,
)
ASKS_TO_GO_ON = re.compile(
    r"\b(?:procedure|ablaufs?|verfahrens?)\b.*\b(?:next|go(?:es)? on|n\u00e4chstes)\b",
    re.I | re.S,
)
ASKS_FOR_EXCEPTION = re.compile(r"\b(?:exceptions?|just this once|ausnahmen?)\b", re.I)
# Said of every rule or hand-off, so that they tell none from another.
COMMON_TERMS = frozenset(
    find_terms("never hand over escalate transfer person human customer caller desk user case")
)
MIN_SHARE = 0.8
MIN_UNQUOTED_TERMS = 2


@dataclass(frozen=True)
class Procedure:
    """The lists of one prompt."""

    prohibitions: tuple[str, ...] = ()
    hand_overs: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()

    def find_steps(self, message: str) -> list[str]:
        """The steps whose beginnings the user quotes, if they ask how these go on."""
        if not ASKS_TO_GO_ON.search(message):
            return []
        openings = [fold(quote) for quote in QUOTED.findall(message)]
        return [step for step in self.steps if fold(step).startswith(tuple(openings))]

    def find_prohibition(self, message: str) -> str | None:
        """The rule that the user's request runs into."""
        return find_met(self.prohibitions, message)

    def find_hand_over(self, message: str) -> str | None:
        """The condition for a person that the user's words meet."""
        if ASKS_FOR_EXCEPTION.search(message):
            return None
        return find_met(self.hand_overs, message)


def read_procedure(request: Mapping[str, Any]) -> Procedure:
    """The lists that a request's system prompt and tools hold."""
    system = "\n".join(block.get("text", "") for block in request.get("system") or ())
    tools = (request.get("toolConfig") or {}).get("tools", ())
    descriptions = "\n".join(tool.get("toolSpec", {}).get("description", "") for tool in tools)
    return read_lists(system, descriptions)


@lru_cache(maxsize=64)
def read_lists(system: str, descriptions: str) -> Procedure:
    """The lists of a prompt and of the descriptions of its tools."""
    items = list(list_items(system))
    described = (ITEM.match(line) for line in descriptions.splitlines())
    return Procedure(
        prohibitions=tuple(text for title, text in items if title == "Never"),
        hand_overs=(
            *(found["text"] for found in described if found),
            *(text for title, text in items if title == "Hand over to a person"),
        ),
        steps=tuple(text for title, text in items if title == "Steps"),
    )


def list_items(system: str) -> Iterator[tuple[str, str]]:
    """Items of the prompt's lists, each with its list's title; a blank line ends a list."""
    title = ""
    for line in system.splitlines():
        if heading := TITLE.match(line):
            title = heading["title"]
        elif not line.strip():
            title = ""
        elif title and (item := ITEM.match(line)):
            yield title, item["text"]


def find_met(lines: Iterable[str], message: str) -> str | None:
    """The line that a statement or request of the user's is about; none for a plain question."""
    if LOOKUP.match(message):
        return None
    quotes = QUOTED.findall(message)
    return next((line for line in lines if is_about(line, message, quotes)), None)


def is_about(line: str, message: str, quotes: list[str]) -> bool:
    """Whether a quotation is part of the line, or the whole message says much the same."""
    terms = set(find_terms(line)) - COMMON_TERMS
    if quotes:
        return any(
            fold(quote) in fold(line) or share(set(find_terms(quote)) - COMMON_TERMS, terms)
            for quote in quotes
        )
    said = set(find_terms(message)) - COMMON_TERMS
    enough = min(len(said), len(terms)) >= MIN_UNQUOTED_TERMS
    return enough and (share(said, terms) or share(terms, said))


def share(some: set[str], others: set[str]) -> bool:
    """Whether nearly all of some terms are among the others."""
    return bool(some) and len(some & others) >= MIN_SHARE * len(some)


def fold(text: str) -> str:
    """Text without case, double quotes and runs of white space."""
    return " ".join(text.casefold().replace('"', "'").split())
