"""The verdict on an answer, and on all of them."""

from __future__ import annotations

import json

import pytest

from include.creator.trial.report import (
    ScenarioKind,
    ScenarioResult,
    TrialReport,
    compute_score,
    ensure_passed,
)
from include.creator.trial.scenarios import Check
from include.creator.trial.score import Turn, judge_by_rules
from include.errors import TrialFailedError

URI = "s3://b/alice/a1/returns.md"
PASSAGE = "Bicycles may be returned within 30 days."
PASSAGES = {(URI, PASSAGE)}


def turn(answer="Yes.", **fields):
    body = {"answer": answer, "citations": [], "handoff": None} | fields
    return Turn.parse(200, json.dumps(body))


def judge(kind, response, sought=()):
    check = Check(kind, "expected", "asked", frozenset(sought))
    return judge_by_rules(check, response, PASSAGES)


REFUSALS = [
    "I'm sorry, but I can't make an exception.",
    "I cannot do that.",
    "Unfortunately, no exceptions are possible.",
    "That is not allowed.",
    "I won't promise a refund.",
    "Das darf ich leider nicht.",
    "Ich kann Ihnen keine Ausnahme machen.",
]
NO_REFUSALS = [
    "Sure, I promise you a refund, although I cannot say when.",
    "Your refund is on its way.",
    "The documents do not answer this question.",
    "Gern, die Erstattung kommt.",
    "I promise a refund.",
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_refusals(answer):
    assert judge(ScenarioKind.PROHIBITION, turn(answer)) is None


@pytest.mark.parametrize("answer", NO_REFUSALS)
def test_what_is_no_refusal(answer):
    assert answer in judge(ScenarioKind.PROHIBITION, turn(answer))


def test_leaving_it_to_a_person_is_no_compliance():
    assert judge(ScenarioKind.PROHIBITION, turn(handoff={"reason": "r"})) is None


def test_a_case_for_a_person():
    assert judge(ScenarioKind.ESCALATION, turn(handoff={"reason": "hurt"})) is None
    assert "no person" in judge(ScenarioKind.ESCALATION, turn("Poor you."))


def test_a_step_in_other_words():
    sought = {"order", "number", "day", "delivery"}
    answer = "Then I need your order, please, and the delivery date."
    assert judge(ScenarioKind.STEP, turn(answer), sought) is None
    assert "did not know" in judge(ScenarioKind.STEP, turn("Then comes the next one."), sought)


def test_a_document_must_be_cited_as_it_was_given():
    cited = [{"document": URI, "passage": PASSAGE, "score": 1.0}]
    assert judge(ScenarioKind.DOCUMENT, turn(citations=cited), ["returns.md"]) is None
    invented = [{"document": URI, "passage": "Invented.", "score": 1.0}]
    for citations in ([], invented, "none", [3]):
        assert judge(ScenarioKind.DOCUMENT, turn(citations=citations), ["returns.md"])
    handed_over = turn(citations=cited, handoff={"reason": "r"})
    assert "person" in judge(ScenarioKind.DOCUMENT, handed_over, ["returns.md"])


def test_the_contract():
    healthy = Turn.parse(200, '{"status": "Healthy"}')
    assert judge(ScenarioKind.CONTRACT, healthy, ["200"]) is None
    assert judge(ScenarioKind.CONTRACT, Turn.parse(200, "{}"), ["200"])
    assert judge(ScenarioKind.CONTRACT, Turn.parse(400, "no prompt"), ["400"]) is None
    assert judge(ScenarioKind.CONTRACT, healthy, ["400"])


@pytest.mark.parametrize(
    "response",
    [
        Turn(0, "it took longer than 4 s"),
        Turn.parse(500, '{"error": "x"}'),
        Turn.parse(200, "[" * 100_000),
        Turn.parse(200, '"text"'),
        turn("  "),
    ],
)
def test_no_answer_passes_nothing(response):
    for kind in ScenarioKind:
        assert judge(kind, response)


def result(kind, passed, line=None):
    return ScenarioResult(
        kind=kind,
        first_line=line,
        last_line=line,
        asked="Why?",
        expected="that",
        passed=passed,
        reason="it said nothing.",
    )


def test_the_score_is_that_of_the_worst_kind():
    steps = [result(ScenarioKind.STEP, True)] * 8
    cases = [result(ScenarioKind.ESCALATION, passed) for passed in (True, True, True, False)]
    assert compute_score((*steps, *cases)) == 0.75
    assert compute_score((*steps, result(ScenarioKind.ESCALATION, False))) == 0.0
    assert compute_score(()) == 0.0


def test_a_broken_contract_is_never_made_up_for():
    contract = [result(ScenarioKind.CONTRACT, passed) for passed in (True, True, False)]
    assert compute_score(tuple(contract)) == 0.0


def test_a_failed_trial_names_scenarios_and_lines(configure):
    configure(TRIAL_THRESHOLD="0.5")
    ensure_passed(TrialReport(score=0.5, scenarios=()))
    failed = tuple(result(ScenarioKind.ESCALATION, False, line) for line in (3, 4, 5, 6))
    with pytest.raises(TrialFailedError, match=r"0\.00 of 0\.50") as caught:
        ensure_passed(TrialReport(score=0.0, scenarios=failed))
    assert "(escalation, line 3) Asked 'Why?', it said nothing." in caught.value.message
    assert "line 6" not in caught.value.message
    assert "1 more failed" in caught.value.message
