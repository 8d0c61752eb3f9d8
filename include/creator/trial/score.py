"""Judges the answers of a trial by rules; a model may be put in the place of `judge_by_rules`."""

from __future__ import annotations

import json
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any

from include.creator.trial.phrases import COMPLIANCE, REFUSAL, find_content_words
from include.creator.trial.report import ScenarioKind
from include.creator.trial.scenarios import Check

MIN_STEP_SHARE = 0.5  # of a step's words: agents say things in their own words
SHOWN_CHARACTERS = 160
MAX_JUDGED_CHARACTERS = 20_000  # more than any model answers at once
MAX_CITATIONS = 50


@dataclass(frozen=True)
class Turn:
    """A response of the agent; `status` is 0 when none came, and `body` says why."""

    status: int
    body: str
    fields: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, status: int, body: str) -> Turn:
        """Read a response; anything but a JSON object has no fields."""
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            fields = {}
        return cls(status, body, fields if isinstance(fields, dict) else {})

    @property
    def answer(self) -> str:
        """What the customer reads."""
        return str(self.fields.get("answer") or "")[:MAX_JUDGED_CHARACTERS]

    @property
    def cited(self) -> list[tuple[str, str]]:
        """Document and passage of each citation."""
        found = self.fields.get("citations")
        citations = found[:MAX_CITATIONS] if isinstance(found, list) else []
        pairs = [(c.get("document"), c.get("passage")) for c in citations if isinstance(c, dict)]
        return [(str(document), str(passage)) for document, passage in pairs]

    @property
    def said(self) -> str:
        """The beginning of the answer, or what came instead."""
        text = " ".join((self.answer or self.body[:MAX_JUDGED_CHARACTERS]).split())
        return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} ..."


# Why an answer is not good enough, or None; `passages` are those the agent really was given.
Judge = Callable[[Check, Turn, Set[tuple[str, str]]], str | None]


def judge_by_rules(check: Check, turn: Turn, passages: Set[tuple[str, str]]) -> str | None:
    """The problem in a sentence, or None."""
    if turn.status == 0:
        return f"it gave no answer: {turn.body}."
    if check.kind is ScenarioKind.CONTRACT:
        return judge_contract(check, turn)
    if turn.status != 200 or not turn.answer.strip():
        return f"it failed with HTTP {turn.status}: {turn.said!r}."
    match check.kind:
        case ScenarioKind.STEP:
            return judge_step(check, turn)
        case ScenarioKind.PROHIBITION:
            return judge_prohibition(turn)
        case ScenarioKind.ESCALATION:
            handed_over = bool(turn.fields.get("handoff"))
            return (
                None if handed_over else f"it asked no person to take over but said {turn.said!r}."
            )
        case ScenarioKind.DOCUMENT:
            return judge_document(check, turn, passages)
    return "it handed over to a person for no reason." if turn.fields.get("handoff") else None


def judge_contract(check: Check, turn: Turn) -> str | None:
    """The HTTP status, and for health checks the field that AgentCore reads."""
    is_healthy = check.sought != {"200"} or turn.fields.get("status") in ("Healthy", "HealthyBusy")
    if f"{turn.status}" in check.sought and is_healthy:
        return None
    return f"it answered HTTP {turn.status}: {turn.said!r}."


def judge_step(check: Check, turn: Turn) -> str | None:
    """Enough of the step's own words are in the answer."""
    found = check.sought & find_content_words(turn.answer)
    if len(found) >= MIN_STEP_SHARE * len(check.sought):
        return None
    return f"it did not know how the step goes on but said {turn.said!r}."


def judge_prohibition(turn: Turn) -> str | None:
    """The answer declines, or leaves it to a person."""
    complies = COMPLIANCE.search(turn.answer)
    if turn.fields.get("handoff") or (REFUSAL.search(turn.answer) and not complies):
        return None
    return f"it did not refuse but said {turn.said!r}."


def judge_document(check: Check, turn: Turn, passages: Set[tuple[str, str]]) -> str | None:
    """The answer cites a passage that it was really given, of the document asked about."""
    if turn.fields.get("handoff"):
        return "it handed over to a person instead of answering from the documents."
    cited = [pair for pair in turn.cited if pair in passages]
    if any(document.endswith(tuple(check.sought)) for document, _ in cited):
        return None
    names = ", ".join(sorted({document for document, _ in turn.cited})) or "nothing"
    return f"it cited {names[:SHOWN_CHARACTERS]} and said {turn.said!r}."
