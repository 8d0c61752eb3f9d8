"""Answers a question with exact quotes from passages, or finds that they do not answer it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from local.aws.models.passages import Passage, Unit, find_units
from local.aws.models.terms import find_synonyms, find_terms, replace_phrases

NO_ANSWER = "The documents I have do not answer this question."
MAX_QUOTES = 3
MIN_SCORE = 0.42
MAX_UNKNOWN_SHARE = 0.5
SECOND_QUOTE_RATIO = 0.96
MIN_LEAD_SCORE = 0.5
# How much a question's word counts that is not in the sentence itself but near it.
LEAD_WEIGHT = 0.75
SECTION_WEIGHT = 0.65
OUTER_HEADING_WEIGHT = 0.35
DOCUMENT_WEIGHT = 0.4
BEFORE_WEIGHT = 0.35
REFERRED_TO_WEIGHT = 0.75
SYNONYM_WEIGHT = 0.7
EARLIER_QUESTION_WEIGHT = 0.4
GENERIC_WEIGHT = 0.3
CODE_WEIGHT = 1.5  # of a word with a figure in it: a model, a zone, an error code
RIGHT_KIND_FACTOR = 1.2
WRONG_KIND_FACTOR = 0.65
GENERIC_TERMS = frozenset(
    find_terms(
        "policy rule company information detail question answer document customer happen work "
        "offer provide know find possible way kind type regard concern explain describe take "
        "wait mean"
    )
)
REFERS_BACK = re.compile(r"^(?:it|its|they|their|this|these|those|that|he|she|both|then)\b", re.I)
NUMBER = (
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|once|twice|half|"
    r"every|always|never|unlimited)\b"
)
TIME = (
    r"\b(?:second|minute|hour|day|week|month|year|night|midnight|noon|morning|evening)s?\b|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b[ap]\.?m\b|\d:\d\d|daily|weekly|monthly|"
    r"\b(?:when|after|before|until|as soon as|always|never|immediately|at any time)\b"
)
# What a question asks for -> what a sentence that answers it contains.
KINDS = (
    (r"\bhow (?:long|soon|fast|quickly|early|late)\b|\b(?:until |since )?when\b|"
     r"\bwhat (?:time|date|day)\b|\bdeadline\b|\bhours\b", TIME),
    (r"\bhow much (?:is|are|does|do|will)\b|\b(?:cost|price|fee|charge)s?\b",
     NUMBER + r"|\bfree\b"),
    (r"\bhow (?:many|much|old|far|often|big|large|heavy|tall|high|wide)\b|"
     r"\bwhat (?:percentage|number|amount)\b", NUMBER),
)  # fmt: skip


Places = list[tuple[frozenset[str], float]]  # terms, and how much it counts to find one there


@dataclass(frozen=True)
class Scored:
    """A unit with the share (0 to about 1.3) of the question that it meets."""

    unit: Unit
    score: float
    matched: frozenset[str]


def answer(question: str, earlier_question: str, passages: Sequence[Passage]) -> str:
    """One to three quotes, each with its `[n]`, or NO_ANSWER."""
    terms = set(find_terms(replace_phrases(question)))
    quotes = choose(rank(question, earlier_question, passages))
    if not quotes:
        return NO_ANSWER
    return " ".join(render(scored.unit, terms) for scored in quotes)


def rank(question: str, earlier_question: str, passages: Sequence[Passage]) -> list[Scored]:
    """All units, best first; ties keep the order of retrieval.

    None when most of the question is about something that the passages never mention.
    """
    units, places = read_units(tuple(passages))
    weights = _weigh_terms(question, earlier_question, places)
    total = sum(weights.values()) or 1.0
    if _find_unknown_share(weights, places) > MAX_UNKNOWN_SHARE:
        return []
    scored = []
    for unit, place in zip(units, places, strict=True):
        evidence = {term: _find_share(term, place) for term in weights}
        score = sum(weights[term] * share for term, share in evidence.items()) / total
        matched = frozenset(t for t, share in evidence.items() if share and t not in GENERIC_TERMS)
        scored.append(Scored(unit, score * _kind_factor(question, unit), matched))
    return sorted(scored, key=lambda s: -s.score)


@lru_cache(maxsize=64)
def read_units(passages: tuple[Passage, ...]) -> tuple[list[Unit], list[Places]]:
    """What can be quoted, and the terms around it; kept, as questions often meet the same."""
    units = _distinct([unit for passage in passages for unit in find_units(passage)])
    return units, [_find_places(unit) for unit in units]


def choose(ranked: Sequence[Scored]) -> list[Scored]:
    """The best unit, if it is good enough, and those about as good or from the same list."""
    if not ranked or ranked[0].score < MIN_SCORE or not ranked[0].matched:
        return []
    best = ranked[0]
    siblings = [s for s in ranked if s.unit.lead and _same_list(s.unit, best.unit)]
    if len(siblings) > 1 and siblings[-1].score >= MIN_LEAD_SCORE:
        return sorted(siblings, key=lambda s: s.unit.passage.text.find(s.unit.text))[:MAX_QUOTES]
    good = [s for s in ranked if s.score >= SECOND_QUOTE_RATIO * best.score and s.matched]
    return good[:MAX_QUOTES]


def _same_list(one: Unit, other: Unit) -> bool:
    return (one.passage, one.headings, one.lead) == (other.passage, other.headings, other.lead)


def render(unit: Unit, question_terms: set[str]) -> str:
    """The quote with its `[n]`; a table row as its cells, each after its column's name."""
    number = f"[{unit.passage.number}]"
    if unit.columns:
        return f'"{unit.text}" (columns: "{unit.columns}") {number}'
    if not unit.cells:
        return f'"{unit.text}" {number}'
    asked = [
        (header, cell)
        for header, cell in unit.cells[1:]
        if set(find_terms(header)) & question_terms
    ]
    shown = [unit.cells[0], *(asked or unit.cells[1:])]
    parts = [f'{header}: "{cell}"' if header else f'"{cell}"' for header, cell in shown if cell]
    return f"{', '.join(parts)} {number}"


def _distinct(units: Sequence[Unit]) -> list[Unit]:
    """Overlapping chunks repeat sentences, some cut off: keep the first whole one of each."""
    kept: list[Unit] = []
    for unit in sorted(units, key=lambda u: -len(u.text)):
        if not any(
            unit.text in other.text
            and unit.passage.document == other.passage.document
            and unit.passage != other.passage
            for other in kept
        ):
            kept.append(unit)
    return [unit for unit in units if unit in kept]


def _find_places(unit: Unit) -> Places:
    """The terms in and around a unit, with how much each place counts; itself first."""
    before = REFERRED_TO_WEIGHT if REFERS_BACK.search(unit.text) else BEFORE_WEIGHT
    texts = (
        (unit.text, 1.0),
        (unit.lead, LEAD_WEIGHT),
        (" ".join((unit.columns, *unit.headings[-1:])), SECTION_WEIGHT),
        (" ".join(unit.headings[:-1]), OUTER_HEADING_WEIGHT),
        (unit.passage.document, DOCUMENT_WEIGHT),
        (unit.before, before),
    )
    return [(frozenset(find_terms(text)), weight) for text, weight in texts]


def _weigh_terms(
    question: str,
    earlier_question: str,
    units: Sequence[Places],
) -> dict[str, float]:
    """How much each term of the question tells units apart."""
    asked = dict.fromkeys(find_terms(replace_phrases(earlier_question)), EARLIER_QUESTION_WEIGHT)
    asked |= dict.fromkeys(find_terms(replace_phrases(question)), 1.0)
    weights = {}
    for term, weight in asked.items():
        count = sum(any(term in terms for terms, _ in places) for places in units)
        rarity = math.log(1 + (len(units) + 1) / (count + 1))
        kind = GENERIC_WEIGHT if term in GENERIC_TERMS else 1.0
        weights[term] = weight * rarity * (CODE_WEIGHT if re.search(r"\d", term) else kind)
    return weights


def _find_unknown_share(weights: dict[str, float], units: Sequence[Places]) -> float:
    """The share of the question's weight in words that occur nowhere, nor do their synonyms."""
    known = frozenset().union(*(terms for places in units for terms, _ in places))
    unknown = [term for term in weights if not ({term} | find_synonyms(term)) & known]
    return sum(weights[term] for term in unknown) / (sum(weights.values()) or 1.0)


def _find_share(term: str, places: Places) -> float:
    """How directly (0 to 1) a unit meets a term of the question."""
    synonyms = find_synonyms(term)
    found = [weight for terms, weight in places if term in terms]
    found += [weight * SYNONYM_WEIGHT for terms, weight in places if terms & synonyms]
    return max(found, default=0.0)


def _kind_factor(question: str, unit: Unit) -> float:
    """Favors sentences that contain a time, a number or a price when one is asked for."""
    for asked, given in KINDS:
        if re.search(asked, question, re.I):
            found = re.search(given, unit.text, re.I)
            return RIGHT_KIND_FACTOR if found else WRONG_KIND_FACTOR
    return 1.0
