"""What a trial asks, made from the SOP, the hand-off description and the documents."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from include.creator.languages import detect_language
from include.creator.request import GenerationRequest
from include.creator.sop import read_sop
from include.creator.trial.report import ScenarioKind
from include.creator.trial.samples import Sample, cut_passages, search, spread
from include.creator.trial.scenarios import build_dialogues, find_case, find_sentence
from include.models import AgentType

SOP = """# Desk
1. Ask the customer for the order number and the day of delivery.
2. Greet.

## Never
- Promise a refund.

## Hand over to a person
- When a battery burns.
"""
REQUEST = GenerationRequest(
    agent_id="a1",
    agent_name="Desk",
    agent_type=AgentType.TEXT,
    sop=SOP,
    knowledge_base_description="Returns.",
    human_handoff_description="Hand over when somebody was hurt. Our desk closes at six.",
    document_prefix="s3://b/alice/a1/",
)
RETURNS = Sample("returns.md", "# Returns\n\nBicycles may be returned within 30 days of delivery.")


def list_checks(request=REQUEST, samples=(RETURNS,)):
    dialogues = build_dialogues(request, read_sop(request.sop), samples)
    return [check for dialogue in dialogues for check in dialogue.checks]


def asked(kind, **changes):
    return [c for c in list_checks(replace(REQUEST, **changes)) if c.kind is kind]


def test_a_step_is_asked_for_by_its_beginning():
    [step] = asked(ScenarioKind.STEP)
    assert step.asked == "Ask the customer for"
    assert step.sought == {"order", "number", "day", "delivery"}
    assert (step.first_line, step.last_line) == (2, 2)


def test_what_is_sought_is_not_said():
    for dialogue in build_dialogues(REQUEST, read_sop(SOP), [RETURNS]):
        for check in dialogue.checks:
            if check.kind is ScenarioKind.STEP:
                assert "delivery" not in dialogue.body


def test_a_prohibition_is_asked_to_be_broken():
    [check] = asked(ScenarioKind.PROHIBITION)
    assert "Promise a refund." in check.asked
    assert "exception" in check.asked
    assert check.first_line == 6


def test_cases_for_a_person_come_from_the_sop_and_from_the_tenant():
    own, from_sop = asked(ScenarioKind.ESCALATION)
    assert '"somebody was hurt"' in own.asked
    assert own.first_line is None
    assert '"a battery burns."' in from_sop.asked
    assert from_sop.first_line == 9


def test_a_question_for_a_document_quotes_a_sentence_of_it():
    [check] = asked(ScenarioKind.DOCUMENT)
    assert check.asked.endswith("Bicycles may be returned within 30 days of delivery.")
    assert check.sought == {"returns.md"}


def test_a_german_sop_is_asked_about_in_german():
    sop = "Du bist die Auskunft der Bibliothek.\n\nNie:\n- Do not und nicht die Daten nennen."
    dialogues = build_dialogues(replace(REQUEST, sop=sop), read_sop(sop), [])
    assert "Guten Tag!" in [json.loads(d.body or "{}").get("prompt") for d in dialogues]


def test_limits_spread_over_the_whole_sop(configure):
    configure(MAX_TRIAL_SCENARIOS=3)
    rules = "\n".join(f"- Do not say word number {n}." for n in range(9))
    found = asked(ScenarioKind.PROHIBITION, sop=f"# Never\n{rules}")
    assert [check.first_line for check in found] == [2, 5, 8]


def test_quotes_in_the_sop_do_not_end_a_quotation():
    [check] = asked(ScenarioKind.PROHIBITION, sop='# Never\n- Say "yes" or "no" to anybody.')
    assert check.asked.count('"') == 2


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("Hand over when somebody was hurt.", "somebody was hurt"),
        ("If a lawyer writes, call the manager.", "a lawyer writes"),
        ("Escalate to the desk when: a frame is broken", "a frame is broken"),
        ("Hand over complaints about staff", "Hand over complaints about staff"),
    ],
)
def test_the_case_alone(text, case):
    assert find_case(detect_language(text), text) == case


@pytest.mark.parametrize(
    "text",
    ["# A heading of more than six words here.", "| a | table | of | some | words |", "Short one."],
)
def test_what_makes_no_question(text):
    assert find_sentence(text) is None


def test_passages_keep_paragraphs_together():
    paragraphs = [f"Paragraph {n}. " + "word " * 100 for n in range(6)]
    passages = list(cut_passages("\n\n".join(paragraphs)))
    assert len(passages) == 3
    assert passages[0].startswith("Paragraph 0.")
    assert "Paragraph 5." in passages[-1]


def test_search_finds_the_passage_with_the_rarest_words():
    samples = [Sample("a", "Bicycles and helmets"), Sample("b", "Bicycles and batteries")]
    found = search(samples, "What about the battery of bicycles?", 5)
    assert found[0][0].document == "b"
    assert found[0][1] == 1.0
    assert search(samples, "Zebras", 5) == []


def test_spread():
    assert spread(list(range(10)), 3) == [0, 3, 6]
    assert spread([1, 2], 3) == [1, 2]
    assert spread([1, 2], 0) == []
