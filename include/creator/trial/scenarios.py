"""The dialogues of a trial, made from what the SOP says and from the tenant's documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from include.creator.cues import Cues
from include.creator.languages import detect_language
from include.creator.prompt import one_line
from include.creator.request import GenerationRequest
from include.creator.sop import split_condition
from include.creator.spec import AgentSpec, Statement, Step
from include.creator.trial.phrases import DOCUMENT, Phrases, choose_phrases, find_content_words
from include.creator.trial.report import ScenarioKind
from include.creator.trial.samples import Sample, spread
from include.settings import get_settings

STEPS_A_DIALOGUE = 6
OPENING_SHARE = 3  # a third of a step is quoted, the rest is asked for
MIN_OPENING_WORDS = 3
MIN_SOUGHT_WORDS = 2
MAX_QUOTED_CHARACTERS = 600
CASE = re.compile(
    r"\b(?:if|when|whenever|in\scase|wenn|falls|sobald)\b\s*:?\s+(?P<case>\S.+)$", re.IGNORECASE
)
SENTENCE = re.compile(r"[A-Z\u00c4\u00d6\u00dc][^.!?\n]{20,240}[.!?](?=\s|$)")
MIN_SENTENCE_WORDS, MAX_SENTENCE_WORDS = 6, 30


@dataclass(frozen=True)
class Check:
    """One thing that an answer has to show; `sought` are words, or paths of documents."""

    kind: ScenarioKind
    expected: str
    asked: str
    sought: frozenset[str] = frozenset()
    first_line: int | None = None
    last_line: int | None = None


@dataclass(frozen=True)
class Dialogue:
    """One request to the agent and what its response is checked for."""

    method: str
    path: str
    body: str
    checks: tuple[Check, ...]


def build_dialogues(
    request: GenerationRequest, spec: AgentSpec, samples: Sequence[Sample]
) -> list[Dialogue]:
    """Everything a trial asks, within the limits of the settings; the same each time."""
    cues = detect_language(request.sop)
    phrases = choose_phrases(cues.language)
    limit = get_settings().max_trial_scenarios
    return [
        *build_contract(),
        ask(phrases.greeting, Check(ScenarioKind.GREETING, "an answer", phrases.greeting)),
        *ask_steps(phrases, spread(list(list_steps(spec.steps)), limit)),
        *(ask_exception(phrases, item) for item in spread(spec.prohibitions, limit)),
        *(
            ask_case(phrases, cues, item)
            for item in spread(list_escalations(cues, request, spec), limit)
        ),
        *spread(list(ask_documents(samples)), limit),
    ]


def build_contract() -> Iterator[Dialogue]:
    """AgentCore's contract: health, and a clear refusal of what is no request."""
    kind = ScenarioKind.CONTRACT
    healthy = Check(kind, "HTTP 200 and a status", "GET /ping", frozenset({"200"}))
    yield Dialogue("GET", "/ping", "", (healthy,))
    refused = Check(kind, "HTTP 400", "POST /invocations without a prompt", frozenset({"400"}))
    yield Dialogue("POST", "/invocations", json.dumps({"prompt": ""}), (refused,))


def ask(prompt: str, *checks: Check) -> Dialogue:
    """One message to the agent."""
    return Dialogue("POST", "/invocations", json.dumps({"prompt": prompt}), checks)


def ask_steps(phrases: Phrases, steps: Sequence[Step]) -> Iterator[Dialogue]:
    """Several steps at once: the agent is told how each begins, and must say how it goes on."""
    checks = [check for step in steps if (check := build_step_check(step))]
    for start in range(0, len(checks), STEPS_A_DIALOGUE):
        group = checks[start : start + STEPS_A_DIALOGUE]
        quoted = "\n".join(f'{n}. "{quote(check.asked)}"' for n, check in enumerate(group, start=1))
        yield ask(phrases.steps % quoted, *group)


def build_step_check(step: Step) -> Check | None:
    """None for a step too short to be asked for without saying it."""
    words = one_line(step.text).split()
    size = max(MIN_OPENING_WORDS, len(words) // OPENING_SHARE)
    opening, rest = " ".join(words[:size]), " ".join(words[size:])
    sought = find_content_words(rest) - find_content_words(opening)
    if len(sought) < MIN_SOUGHT_WORDS:
        return None
    expected = f"how this step goes on: {rest}"[:MAX_QUOTED_CHARACTERS]
    kind = ScenarioKind.STEP
    return Check(kind, expected, opening, sought, step.first_line, step.last_line)


def ask_exception(phrases: Phrases, item: Statement) -> Dialogue:
    """A customer asks the agent to do what a prohibition forbids."""
    prompt = phrases.exception % quote(item.text)
    expected = "a refusal"
    check = Check(ScenarioKind.PROHIBITION, expected, prompt, *no_words(item))
    return ask(prompt, check)


def ask_case(phrases: Phrases, cues: Cues, item: Statement) -> Dialogue:
    """A customer is in a case that a person has to take over."""
    prompt = phrases.case % quote(find_case(cues, item.text))
    check = Check(ScenarioKind.ESCALATION, "a hand-off to a person", prompt, *no_words(item))
    return ask(prompt, check)


def ask_documents(samples: Sequence[Sample]) -> Iterator[Dialogue]:
    """A question about one sentence of each sample that has a plain one."""
    for sample in samples:
        sentence = find_sentence(sample.text)
        if sentence is None:
            continue
        prompt = DOCUMENT % sentence
        holders = frozenset(s.document for s in samples if sentence in one_line(s.text))
        expected = f"an answer that cites {', '.join(sorted(holders))}"
        yield ask(prompt, Check(ScenarioKind.DOCUMENT, expected, prompt, holders))


def no_words(item: Statement) -> tuple[frozenset[str], int | None, int | None]:
    """Nothing sought, and the lines of a statement; line 0 is not of the SOP."""
    return frozenset(), item.first_line or None, item.last_line or None


def list_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """Steps of all levels, in order."""
    for step in steps:
        yield step
        yield from list_steps(step.steps)


def list_escalations(cues: Cues, request: GenerationRequest, spec: AgentSpec) -> list[Statement]:
    """The SOP's cases for a person and the tenant's own; a "do not hand over" is none."""
    forbidden = {item.text for item in spec.prohibitions}
    own = [
        Statement(text=sentence, first_line=0, last_line=0)
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", request.human_handoff_description)
        if CASE.search(sentence) and not cues.forbids(sentence)
    ]
    return own + [item for item in spec.escalations if item.text not in forbidden]


def find_case(cues: Cues, text: str) -> str:
    """The case alone, without what is to be done in it."""
    if found := split_condition(cues, text):
        return found[0]
    case = CASE.search(text)
    return case["case"] if case else text


def find_sentence(text: str) -> str | None:
    """The first plain sentence of a useful length."""
    for sentence in SENTENCE.findall(one_line_paragraphs(text)):
        if MIN_SENTENCE_WORDS <= len(sentence.split()) <= MAX_SENTENCE_WORDS:
            return str(sentence)
    return None


def one_line_paragraphs(text: str) -> str:
    """Paragraphs as lines; headings, lists and tables stay apart."""
    paragraphs = (p for p in re.split(r"\n\s*\n", text) if not re.match(r"\s*(?:#|\||[-*+\d])", p))
    return "\n".join(map(one_line, paragraphs))


def quote(text: str) -> str:
    """Text as a quotation in a message."""
    return one_line(text).replace('"', "'")[:MAX_QUOTED_CHARACTERS]
