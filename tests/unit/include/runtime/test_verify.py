"""The question asked before an agent is shown as active."""

from __future__ import annotations

import pytest

from include.errors import VerificationFailedError
from include.knowledge.retrieval import Passage, parse_passage
from include.runtime.verify import MAX_WORDS, build_probe, pick_sentence, require_own
from tests.fakes import make_agent

AGENT = make_agent(user_id="alice", agent_id="0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b")
PREFIX = "s3://oratio-knowledge-bases/alice/0b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b/"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Returns\n\nBicycles go back within 30 days.", "Bicycles go back within 30 days."),
        ("No. Yes! The frame is covered for ten years.", "The frame is covered for ten years."),
        ("a " * 40 + ".\nThis one has a fitting length.", "This one has a fitting length."),
        ("too short", "too short"),
        ("spread  \t over\n lines", "spread over lines"),
        ("", ""),
    ],
)
def test_the_first_telling_sentence_is_picked(text, sentence):
    assert pick_sentence(text) == sentence


def test_one_endless_sentence_is_cut():
    assert len(pick_sentence("word " * 500).split()) == MAX_WORDS


def test_the_question_is_about_the_best_passage_and_any_found_document_will_do():
    passages = [
        Passage(f"{PREFIX}a.md", "Bicycles go back within 30 days.", 0.9),
        Passage(f"{PREFIX}b.md", "Prices include the value added tax.", 0.5),
    ]
    probe = build_probe(AGENT, passages)
    assert "Bicycles go back within 30 days." in probe.question
    assert probe.documents == {f"{PREFIX}a.md", f"{PREFIX}b.md"}


def test_the_question_fits_the_limit_of_a_message(configure):
    configure(MAX_MESSAGE_CHARACTERS=50)
    assert len(build_probe(AGENT, [Passage("d", "x" * 500, 1.0)]).question) == 50


@pytest.mark.parametrize(
    "document",
    [
        "s3://oratio-knowledge-bases/bob/1b8e7f6a-1c2d-4e3f-8a9b-0c1d2e3f4a5b/a.md",
        PREFIX.rstrip("/") + "2/a.md",
        "",
    ],
)
def test_a_passage_from_outside_stops_everything(document):
    with pytest.raises(VerificationFailedError, match="prefix"):
        require_own(AGENT, [Passage(f"{PREFIX}a.md", "t", 1.0), Passage(document, "t", 1.0)])


def test_own_passages_pass():
    require_own(AGENT, [Passage(f"{PREFIX}deep/a.md", "t", 1.0)])


def test_a_result_without_location_or_text_is_an_empty_passage():
    assert parse_passage({"content": {}}) == Passage("", "", 0.0)
