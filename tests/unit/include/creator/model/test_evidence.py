"""What a model claims to have read is compared with the SOP, line by line."""

from __future__ import annotations

import pytest

from include.creator.model.evidence import find_inventions, keep_guarded
from include.creator.sop import read_sop
from include.creator.spec import AgentSpec, Condition, Statement, Step
from tests.fakes import ROOT

SOP = "# Desk\n1. *Greet* the customer,\n   warmly.\n2. Never promise a refund.\nBe calm. Be brief."


NOTHING = AgentSpec(title="")


def say(text, first, last=None):
    return Statement(text=text, first_line=first, last_line=last or first)


def find(item):
    return find_inventions(AgentSpec(title="Desk", rules=(item,)), SOP, NOTHING)


@pytest.mark.parametrize(
    "item",
    [
        say("Greet the customer, warmly.", 2, 3),
        say("greet the CUSTOMER", 2),
        say("Be brief.", 5),
        say("Greet the customer, warmly. 2. Never promise a refund", 1, 5),
    ],
)
def test_words_of_the_lines_are_evidence(item):
    assert find(item) == []


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (say("Offer a discount.", 2), "does not say so"),
        (say("Be calm.", 4), "but in other lines"),
        (say("Greet the customer, warmly.", 2), "but in other lines"),
        (say("romise a refund", 4), "does not say so"),
        (say("Be calm.", 0), "lines 1 to 5"),
        (say("Be calm.", 5, 6), "lines 1 to 5"),
        (say("Be calm.", 5, 4), "lines 1 to 5"),
        (say("...", 5), "no words"),
    ],
)
def test_anything_else_is_a_finding(item, why):
    [finding] = find(item)
    assert why in finding


def test_every_item_at_any_depth_is_looked_at():
    deep = Condition(text="If it rains", first_line=2, last_line=2, when="rain", then="go")
    inner = Step(text="Sing.", first_line=2, last_line=2, label="a")
    step = Step(
        text="Greet", first_line=2, last_line=2, label="1", conditions=(deep,), steps=(inner,)
    )
    spec = AgentSpec(title="Desk", role=say("You are king.", 1), steps=(step,))
    found = " ".join(find_inventions(spec, SOP, NOTHING))
    assert all(text in found for text in ("If it rains", "Sing.", "You are king."))


@pytest.mark.parametrize(("then", "count"), [("promise a refund", 0), ("pay a million", 1)])
def test_the_consequence_of_a_case_may_not_be_invented(then, count):
    case = Condition(text="Be calm.", first_line=5, last_line=5, when="brief", then=then)
    found = find_inventions(AgentSpec(title="", conditions=(case,)), SOP, NOTHING)
    assert len(found) == count
    assert all("does not say 'pay a million'" in finding for finding in found)


def test_what_the_rules_read_is_evidence_for_itself():
    sop = (ROOT / "samples" / "sop.md").read_text()
    ruled = read_sop(sop)
    assert find_inventions(ruled, sop, ruled) == []
    heading = "Never: Promise a refund, a delivery date or a repair date."
    other = say(heading.replace("Never", "Always"), 43)
    assert heading in {item.text for item in ruled.prohibitions}
    assert len(find_inventions(AgentSpec(title="", rules=(other,)), sop, ruled)) == 1


def test_what_the_rules_find_is_kept_and_said_once():
    ruled = AgentSpec(title="", prohibitions=(say("Never promise a refund.", 4),))
    same = say("2. Never promise a refund", 4)
    other = say("Be calm.", 5)
    under_a_heading = AgentSpec(title="", prohibitions=(say("Promise a refund", 4),))
    assert keep_guarded(under_a_heading, ruled).prohibitions == ruled.prohibitions
    assert keep_guarded(AgentSpec(title=""), ruled).prohibitions == ruled.prohibitions
    assert keep_guarded(AgentSpec(title="", prohibitions=(other, same)), ruled).prohibitions == (
        same,
        other,
    )
