"""One turn of a conversation: the agent is asked, and what came of it is recorded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gateway.callers import Caller
from gateway.pace import pace
from gateway.runtime import Event, Turn
from gateway.services import Services
from include.chat import Usage, build_citations
from include.errors import OratioError
from include.runtime.invoke import runtime_session_id
from include.sessions import Channel, SessionRef, TurnRecord, load_history, record_turn

log = logging.getLogger(__name__)

CANCELED = "canceled"  # the client went away, or we failed


@dataclass
class Question:
    """What is asked in which session; without a history, the session's own counts."""

    text: str
    session: SessionRef
    history: list[Turn] | None = None
    started_at: float = field(default_factory=time.monotonic)


async def answer(
    services: Services, caller: Caller, question: Question
) -> AsyncGenerator[Event | None, None]:
    """The events of the answer; None where nothing has happened for a while.

    The turn is recorded before `done` is yielded, so that the next question finds it; also when it
    fails, or when nobody waits for it any more.
    """
    said: list[str] = []
    is_done = False
    with services.taking_room():
        try:
            async with aclosing(await ask(services, caller, question)) as events:
                async for event in events:
                    if event and event["type"] == "text":
                        said.append(event["text"])
                    elif event and event["type"] == "done":
                        is_done = True
                        event = await finish(caller, question, event)
                    yield event
        except (Exception, asyncio.CancelledError, GeneratorExit) as error:
            if not is_done:
                code = error.code if isinstance(error, OratioError) else CANCELED
                await record(caller, question, answer="".join(said), error=code)
            raise


async def ask(
    services: Services, caller: Caller, question: Question
) -> AsyncGenerator[Event | None, None]:
    """Let the agent answer, reminded of what was said before."""
    history = question.history
    if history is None:
        turns = await asyncio.to_thread(load_history, question.session)
        history = [{"question": turn.question, "answer": turn.answer} for turn in turns]
    session_id = runtime_session_id(caller.agent, question.session.key)
    events = services.runtime.stream(caller.agent, session_id, question.text, history)
    return pace(events, services.settings)


async def finish(caller: Caller, question: Question, done: Event) -> Event:
    """Record the turn; returns its last event as customers see it."""
    citations = build_citations(caller.agent, done.get("citations") or [])
    usage = Usage.model_validate(done.get("usage") or {})
    shown = {
        "answer": done["answer"],
        "citations": [citation.model_dump() for citation in citations],
        "handoff": done.get("handoff"),
    }
    used = usage.model_dump()
    await record(caller, question, **shown, **used)
    return {"type": "done", **shown, "usage": usage.model_dump(by_alias=True)}


async def record(caller: Caller, question: Question, **outcome: Any) -> None:
    """Keep the turn; an answer that was given is not lost for it."""
    turn = TurnRecord(
        question=question.text,
        duration_seconds=round(time.monotonic() - question.started_at, 3),
        channel=Channel.TEXT,
        key_id=caller.key_id,
        **outcome,
    )
    try:
        await asyncio.to_thread(record_turn, caller.agent, question.session, turn)
    except (BotoCoreError, ClientError, OratioError) as error:
        agent_id = caller.agent.agent_id
        log.error("a turn of agent %s was not recorded: %s", agent_id, type(error).__name__)
