"""What read_sop finds in an SOP, and that nothing can make it fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.creator.sop import read_sop

SAMPLE = (Path(__file__).parents[4] / "samples" / "sop.md").read_text(encoding="utf-8")


def texts(items):
    return [item.text for item in items]


@pytest.fixture(scope="module")
def sample():
    return read_sop(SAMPLE)


def test_title_sections_and_role(sample):
    assert sample.title == "Customer desk of Fernhill Cycles"
    assert [s.text for s in sample.sections if s.level == 2] == [
        "Purpose",
        "Tone",
        "Procedure",
        "Always",
        "Never",
        "Hand over to a person",
    ]
    assert sample.role.text.startswith("You are the customer desk of Fernhill Cycles")


def test_steps_keep_order_nesting_and_cases(sample):
    assert [step.label for step in sample.steps] == ["1", "2", "3", "4", "5", "6"]
    paths = sample.steps[3].steps
    assert [path.label for path in paths] == ["a", "b", "c", "d"]
    case = paths[0].conditions[1]
    assert case.when == "the period is over"
    assert case.then.startswith("say so and offer the warranty path")
    assert case.otherwise == "explain how to book the collection."
    assert paths[3].conditions[1].when == "unless the customer gives a leg length"


def test_prohibitions_and_escalations_are_all_found(sample):
    prohibitions = "\n".join(texts(sample.prohibitions))
    for words in (
        "Promise a refund",
        "card numbers",
        "opening a battery",
        "another customer",
        "other makers",
        "because a customer is impolite",
        "do not name a size",
    ):
        assert words in prohibitions
    assert "contradict" not in prohibitions
    escalations = "\n".join(texts(sample.escalations))
    for words in ("somebody was hurt", "asks for a person", "500 euros", "contradict each other"):
        assert f"when: {words}" in escalations or words in escalations


def test_facts_are_single_things(sample):
    facts = texts(sample.facts_to_collect)
    assert "the model and the frame number" in facts
    assert "inner leg length" in facts
    assert not [fact for fact in facts if "size chart" in fact]


def test_every_item_names_its_lines(sample):
    lines = SAMPLE.split("\n")
    items = [*sample.prohibitions, *sample.escalations, *sample.rules, *sample.tone, *sample.steps]
    for item in items:
        source = " ".join(line.strip() for line in lines[item.first_line - 1 : item.last_line])
        assert item.text.split(": ")[-1].split()[-1] in source


@pytest.mark.parametrize(
    ("sop", "prohibited"),
    [
        ("Never share a room number.", True),
        ("Staff must not quote prices.", True),
        ("Please don't give medical advice.", True),
        ("You may not waive a fee.", True),
        ("Under no circumstances name another guest.", True),
        ("NEVER:\n* give medical advice", True),
        ("## What you may not do\n- Waive a fee", True),
        ("We do not repair tires.", False),
        ("Customers do not need a receipt.", False),
        ("If they do not have a receipt, ask for the date.", False),
    ],
)
def test_prohibition_wording(sop, prohibited):
    assert bool(read_sop(sop).prohibitions) is prohibited


@pytest.mark.parametrize(
    ("sop", "escalated"),
    [
        ("Transfer the caller to the on-call nurse.", True),
        ("Hand the conversation over when the guest is angry.", True),
        ("Put the caller through to a supervisor.", True),
        ("If there is smoke, call the duty manager.", True),
        ("## Escalation\n- chest pain", True),
        ("Pay by bank transfer within 7 days.", False),
        ("Transfer money only on Mondays.", False),
    ],
)
def test_escalation_wording(sop, escalated):
    assert bool(read_sop(sop).escalations) is escalated


def test_comma_before_or_belongs_to_the_case():
    sop = "If the guest has no booking, or it is for another day, call the desk."
    [condition] = read_sop(sop).conditions
    assert condition.when == "the guest has no booking, or it is for another day"
    assert condition.then == "call the desk."


def test_prose_becomes_steps():
    spec = read_sop("First greet the caller. Then ask for the order number. Finally say goodbye.")
    assert [(s.label, s.text) for s in spec.steps][2] == ("3", "Finally say goodbye.")
    assert texts(spec.facts_to_collect) == ["order number"]


def test_step_headings_hold_what_stands_below():
    spec = read_sop("## Step 1: Greet\n- Say hello\n\n## Step 2: Close\nIf late, apologize.\n")
    assert [s.label for s in spec.steps] == ["1", "2"]
    assert texts(spec.steps[0].steps) == ["Say hello"]
    assert spec.steps[1].conditions[0].then == "apologize."


def test_one_sentence_gives_a_minimal_spec():
    spec = read_sop("Be nice.")
    assert spec.title == "Be nice."
    assert spec.steps == spec.prohibitions == ()


def test_lines_count_from_one_with_any_line_end():
    spec = read_sop("Hello.\r\n\r\nNever lie.\rAlways\u2028greet.")
    assert (spec.prohibitions[0].first_line, spec.prohibitions[0].last_line) == (3, 3)
    assert spec.rules[0].first_line == 4


@given(st.text(alphabet=st.characters(), max_size=300))
def test_no_text_makes_it_fail(sop):
    read_sop(sop)


LINES = st.sampled_from(
    [
        "1. Ask for:",
        "  a) the name",
        "- If so, stop.",
        "Otherwise go.",
        "## Never",
        "===",
        "| a |",
        "",
        "   deep",
        "Never.",
        "10.2.3 x",
        "**B:**",
        "(i) y",
        "STEP",
        "> - q",
        "\ud800",
        "If , ,",
    ]
)


@given(st.lists(LINES, max_size=30))
def test_no_layout_makes_it_fail(lines):
    spec = read_sop("\n".join(lines))
    for section in spec.sections:
        assert 1 <= section.first_line <= section.last_line <= len(lines)


@pytest.mark.parametrize(
    "sop",
    [
        "a" * 100_000,
        "if " * 33_000,
        "- x\n" * 25_000,
        "do not " * 14_000,
        "| " * 50_000 + "x",
        "ask for " * 12_000,
        "hand " * 20_000,
        "\n".join(" " * n + "- x" for n in range(400)),
        "\n".join(" " * n + "1" + ".1" * k + " x" for n in range(30) for k in range(1, 31)),
        "never " * 8_000 + ":\n" + "- x\n" * 10_000,
        "# never " + "a " * 25_000 + "\n" + "- x\n" * 10_000,
        "Go on now.\n" * 9_000,
        "der die das und nie " * 5_000,
        "a\n\n" * 30_000,
    ],
    ids=lambda sop: repr(sop[:8]),
)
def test_the_longest_sops_are_read_too(sop):
    """A pattern that is quadratic in the length would keep this test busy for many minutes."""
    assert read_sop(sop).title


def test_what_stands_deeper_than_the_limit_stands_beside_it():
    """A spec of any SOP can be written as JSON, which pydantic refuses beyond 255 levels."""
    spec = read_sop("\n".join(" " * n + "- x" for n in range(400)))
    assert spec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("sop", "system"),
    [
        ("Check the order in SAP.", "SAP"),
        ("Open a ticket in ServiceNow.", "ServiceNow"),
        ("Put the guest on the waiting list.", "waiting list"),
        ("Refund it through the payment portal.", "payment portal"),
        ("Prüfe das Konto in Bibliotheca und nenne die Gebühr.", "Bibliotheca"),
        ("Issue a refund.", None),
    ],
)
def test_actions_in_other_systems_are_listed(sop, system):
    [tool] = read_sop(sop).tools
    assert (tool.text, tool.system, tool.first_line) == (sop, system, 1)


@pytest.mark.parametrize(
    "sop",
    [
        "Never issue a refund.",
        "Look the answer up in the documents.",
        "Answer in English.",
        "We do not book rental cars.",
    ],
)
def test_what_needs_no_other_system(sop):
    assert read_sop(sop).tools == ()


def test_questions_are_headings_and_their_answer_one_paragraph():
    spec = read_sop(
        "Q: Can I talk to somebody?\nA: Offer a call back.\n\nSay when the shop is open."
    )
    assert [section.text for section in spec.sections] == ["Can I talk to somebody?"]
    assert texts(spec.escalations) == ["Offer a call back."]


def test_a_word_alone_belongs_to_the_sentence_before():
    spec = read_sop("Call the manager if it burns.\n\n* Press? Same.\n* Never say yes. NEVER!")
    assert texts(spec.escalations) == ["Call the manager if it burns.", "Press? Same."]
    assert texts(spec.prohibitions) == ["Never say yes. NEVER!"]
