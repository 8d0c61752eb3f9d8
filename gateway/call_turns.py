"""The turns of a call, put together from its frames and recorded as those in text are."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gateway.call_frames import Frame
from gateway.callers import Caller
from gateway.turns import CANCELED
from include.errors import OratioError
from include.sessions import Channel, SessionRef, TurnRecord, record_turn

log = logging.getLogger(__name__)

INTERRUPTED = "interrupted"  # before anything was said


class CallTurns:
    """One call's; a greeting, which nobody asked for, is no turn."""

    def __init__(self, caller: Caller, session: SessionRef) -> None:
        self.caller, self.session = caller, session
        self.typed: deque[str] = deque()  # while another question is being answered
        self.begin()

    def begin(self) -> None:
        """The next turn."""
        self.question: list[str] = [self.typed.popleft()] if self.typed else []
        self.said: list[str] = []
        self.started_at = time.monotonic()

    def note_typed(self, text: str) -> None:
        """The caller has typed this."""
        if self.question:
            self.typed.append(text)
        else:
            self.ask(text)

    def ask(self, text: str) -> None:
        """The question, or more of it."""
        if not self.question:
            self.started_at = time.monotonic()
        self.question.append(text)

    async def note(self, frame: Frame) -> None:
        """The agent has sent this, which callers see after it was recorded."""
        if frame["type"] == "transcript" and frame.get("final"):
            text = str(frame.get("text", "")).strip()
            if frame.get("role") == "user":
                self.ask(text)
            else:
                self.said.append(text)
        elif frame["type"] == "done":
            answer = str(frame.get("answer") or "")
            outcome = {"citations": frame["citations"], "handoff": frame.get("handoff")}
            await self.end(None if answer else INTERRUPTED, answer=answer, **outcome)

    async def end(self, error: str | None = CANCELED, **outcome: Any) -> None:
        """Record the turn, if anything was asked, and begin the next one."""
        if self.question:
            turn = TurnRecord(
                question=" ".join(self.question),
                duration_seconds=round(time.monotonic() - self.started_at, 3),
                channel=Channel.VOICE,
                key_id=self.caller.key_id,
                error=error,
                **{"answer": " ".join(self.said), **outcome},
            )
            await self.record(turn)
        self.begin()

    async def record(self, turn: TurnRecord) -> None:
        """Keep the turn; the call goes on if that fails."""
        agent = self.caller.agent
        try:
            await asyncio.to_thread(record_turn, agent, self.session, turn)
        except (BotoCoreError, ClientError, OratioError) as error:
            kind = type(error).__name__
            log.error("a turn of agent %s was not recorded: %s", agent.agent_id, kind)
