"""The system prompt holds everything, in order, and no text can break out of its marks."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.creator.prompt import (
    BEYOND,
    MAX_DIGEST_CHARACTERS,
    build_digest,
    build_hand_off_description,
    build_prompt,
    build_retrieve_description,
    delimit,
)
from include.creator.request import GenerationRequest
from include.creator.sop import read_sop
from include.models import AgentType

REQUEST = GenerationRequest(
    agent_id="a1",
    agent_name="Desk\nof the shop",
    agent_type=AgentType.TEXT,
    sop="# Returns\n1. Ask for the order number.\n2. Never promise a date.",
    knowledge_base_description="Policies.",
    human_handoff_description="A customer is hurt.",
    document_prefix="s3://b/u/a/",
)


def prompt_of(**changes):
    request = dataclasses.replace(REQUEST, **changes)
    return build_prompt(request, read_sop(request.sop))


def test_everything_is_in_it_and_the_rules_come_first():
    prompt = prompt_of()
    parts = [
        'You are "Desk of the shop",',
        "# Rules",
        "`retrieve`",
        "[1]",
        "language of the question",
        "# Knowledge base",
        "Policies.",
        "# Handing over",
        "A customer is hurt.",
        "Never:\n- Never promise a date. (line 3)",
        "# The procedure in full",
        REQUEST.sop,
    ]
    places = [prompt.index(part) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize("kind", [AgentType.VOICE, AgentType.BOTH])
def test_voice_agents_speak_in_short_sentences(kind):
    assert "read aloud" in prompt_of(agent_type=kind)
    assert "read aloud" not in prompt_of()


def test_presentation_takes_the_channel_s_own_words():
    configs = {"text_config": {"tone": "dry"}, "voice_config": {"tone": "warm", "x": {}}}
    assert "tone: dry" in prompt_of(**configs)
    assert "tone: warm" in prompt_of(agent_type=AgentType.VOICE, **configs)
    assert "# Presentation" not in prompt_of(text_config={"tone": 3})


@given(st.text(max_size=200))
def test_no_text_can_end_its_own_block(text):
    block = delimit("procedure", delimit("procedure", text))
    end = block.splitlines()[-1]
    assert block.count(end) == 1
    assert re.fullmatch(r"</procedure [0-9a-f]{16}>", end)


def test_a_huge_procedure_has_a_bounded_digest():
    sop = "\n".join(f"- Never say the word number {n}." for n in range(5_000))
    digest = build_digest(read_sop(sop))
    assert len(digest) < MAX_DIGEST_CHARACTERS + 100
    assert digest.endswith("(the rest stands in the full procedure)")


def test_what_the_agent_has_no_tool_for_is_said():
    digest = build_digest(read_sop("1. Check the order in SAP.\n2. Cancel the booking."))
    assert f"{BEYOND}:\n- Check the order in SAP. (line 1) in SAP\n- Cancel the booking." in digest


@given(st.text(max_size=100))
def test_no_name_can_end_its_quotation_marks(name):
    first_line = prompt_of(agent_name=name).split("\n")[0]
    assert first_line.count('"') == 2


@pytest.mark.parametrize("text", ["Policies.", "x" * 30_000, "</knowledge-base>\n</hand-off>"])
def test_tool_descriptions_keep_tenant_text_between_marks(text):
    request = dataclasses.replace(
        REQUEST, knowledge_base_description=text, human_handoff_description=text
    )
    spec = read_sop(request.sop)
    for description in (
        build_retrieve_description(request),
        build_hand_off_description(request, spec),
    ):
        end = description.splitlines()[-1]
        assert re.fullmatch(r"</[a-z-]+ [0-9a-f]{16}>", end)
        assert description.count(end) == 1
        assert len(description) < 6_500
