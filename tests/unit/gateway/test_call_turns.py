"""Which words of a call belong to which turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway import call_turns
from gateway.call_turns import CallTurns
from gateway.callers import Caller
from include.sessions import SessionRef, TurnRecord
from tests.fakes import make_agent


@pytest.fixture
def recorded(monkeypatch):
    turns: list[TurnRecord] = []
    monkeypatch.setattr(call_turns, "record_turn", lambda agent, session, turn: turns.append(turn))
    return turns


def hear(*events: Any) -> None:
    """A call: a text is typed, a pair is said by somebody, a dict ends an answer."""

    async def note() -> None:
        turns = CallTurns(Caller(make_agent(), "key:1"), SessionRef("a", "s", "key:1"))
        for event in events:
            if isinstance(event, str):
                turns.note_typed(event)
            elif isinstance(event, tuple):
                frame = {"type": "transcript", "role": event[0], "text": event[1], "final": True}
                await turns.note(frame)
            else:
                await turns.note({"type": "done", "citations": []} | event)
        await turns.end()

    asyncio.run(note())


def test_pieces_of_a_question_are_joined(recorded):
    hear(("user", "How long"), ("user", "may I?"), {"answer": "30 days."})
    assert [(turn.question, turn.answer) for turn in recorded] == [("How long may I?", "30 days.")]


def test_a_greeting_is_no_turn(recorded):
    hear(("assistant", "Hello."), {"answer": "Hello."})
    assert recorded == []


def test_what_is_typed_during_an_answer_is_the_next_question(recorded):
    hear("One?", ("assistant", "First"), "Two?", {"answer": "First"}, {"answer": "Second"})
    turns = [(turn.question, turn.answer, turn.error) for turn in recorded]
    assert turns == [("One?", "First", None), ("Two?", "Second", None)]


def test_a_question_without_an_answer(recorded):
    hear("One?", {"answer": ""}, "Two?", ("assistant", "It is"))
    turns = [(turn.question, turn.answer, turn.error) for turn in recorded]
    assert turns == [("One?", "", "interrupted"), ("Two?", "It is", "canceled")]
