"""The demo's samples fit together: every answer asked for stands in the document named."""

from __future__ import annotations

import json
from pathlib import Path

import kreuzberg
import pytest

SAMPLES = Path(__file__).parents[3] / "samples"
DOCUMENTS = SAMPLES / "documents"
QUESTIONS = json.loads((SAMPLES / "questions.json").read_text(encoding="utf-8"))


def paths() -> list[str]:
    return sorted(f"{p.relative_to(DOCUMENTS)}" for p in DOCUMENTS.rglob("*") if p.is_file())


def read(path: Path) -> str:
    if path.suffix in {".md", ".txt", ".csv", ".html"}:
        return path.read_text(encoding="utf-8")
    return kreuzberg.extract_file_sync(path).content


def test_enough_documents_and_formats():
    assert len(paths()) >= 9
    assert {Path(path).suffix for path in paths()} == {
        ".csv",
        ".doc",
        ".docx",
        ".html",
        ".md",
        ".pdf",
        ".txt",
        ".xlsx",
    }
    assert sum(p.stat().st_size for p in SAMPLES.rglob("*") if p.is_file()) < 1_000_000


def test_every_document_is_described():
    form = json.loads((SAMPLES / "agent.json").read_text(encoding="utf-8"))
    assert sorted(form["fileDescriptions"]) == paths()
    assert form["agentType"] == "text"


def test_the_first_three_questions_are_from_three_formats():
    assert len({Path(question["document"]).suffix for question in QUESTIONS[:3]}) == 3
    assert len(QUESTIONS) >= 8


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q["document"])
def test_the_answer_stands_in_the_document(question):
    text = " ".join(read(DOCUMENTS / question["document"]).split())
    assert question["expect"] in text
