"""Answers that a test has written for the model, and the calls that were made meanwhile."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from local.aws.models.converse import CHARS_PER_TOKEN, End, Piece, Request, Text

MAX_CALLS = 10_000
STREAMED_CHARACTERS = 200


class Strict(BaseModel):
    """A mistyped member is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ScriptedAnswer(Strict):
    """Answers `count` calls whose metadata names `role` and whose request holds `match`."""

    text: str
    role: str | None = None
    match: str = ""
    count: int | None = Field(1, ge=1)  # None: without end
    stop_reason: str = "end_turn"
    input_tokens: int | None = None  # None: counted from the text
    output_tokens: int | None = None

    def fits(self, request: Request, text: str) -> bool:
        """Whether it answers this request."""
        role = (request.get("requestMetadata") or {}).get("role")
        return self.role in (None, role) and self.match in text

    def reply(self, text: str) -> Iterator[Piece]:
        """The answer as a model would give it to a request of this text."""
        for start in range(0, len(self.text), STREAMED_CHARACTERS):
            yield Text(self.text[start : start + STREAMED_CHARACTERS])
        yield End(
            self.stop_reason,
            count_tokens(text) if self.input_tokens is None else self.input_tokens,
            count_tokens(self.text) if self.output_tokens is None else self.output_tokens,
        )


class Script(Strict):
    """What the model says, in order; calls that nothing fits go to the model as ever."""

    answers: list[ScriptedAnswer] = []


class Scripts:
    """The script in force; requests ask it from their threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.left: list[tuple[ScriptedAnswer, list[None]]] = []
        self.calls: deque[dict[str, Any]] = deque(maxlen=MAX_CALLS)

    def put(self, script: Script) -> None:
        """Follow this script from now on, and forget the calls so far."""
        with self.lock:
            self.left = [(answer, []) for answer in script.answers]
            self.calls.clear()

    def find_reply(self, request: Request) -> Iterator[Piece] | None:
        """The reply of the first answer that fits and is left; None without one."""
        text = json.dumps(request, ensure_ascii=False)
        with self.lock:
            if not self.left:
                return None
            found = next((entry for entry in self.left if can_answer(*entry, request, text)), None)
            self.calls.append({**request, "scripted": found is not None})
            if found is None:
                return None
            found[1].append(None)
        return found[0].reply(text)

    def describe(self) -> dict[str, Any]:
        """How often each answer was given, and all calls since the script was put."""
        with self.lock:
            answers = [answer.model_dump() | {"given": len(used)} for answer, used in self.left]
            return {"answers": answers, "calls": list(self.calls)}


def can_answer(answer: ScriptedAnswer, used: list[None], request: Request, text: str) -> bool:
    """Whether an answer is left and fits."""
    return (answer.count is None or len(used) < answer.count) and answer.fits(request, text)


def count_tokens(text: str) -> int:
    """A rough count, as of the local model."""
    return max(1, len(text) // CHARS_PER_TOKEN)


SCRIPTS = Scripts()
