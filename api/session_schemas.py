"""What goes over the wire about sessions and hand-offs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.pages import PageQuery
from include.chat import Citation
from include.handoffs import Handoff, HandoffStatus
from include.models import Record
from include.running_sessions import is_running
from include.sessions import Channel, Session, TurnRecord


class SessionView(Record):
    """A session with its metrics.

    `sessionKey` names it in these routes; `sessionId` is what the customer's client knows it by,
    which another customer may have chosen as well.
    """

    session_key: str
    session_id: str
    agent_id: str
    status: Literal["running", "ended"]
    channel: Channel
    key_id: str | None = None
    started_at: str
    last_at: str
    turns: int
    errors: int
    input_tokens: int
    output_tokens: int
    duration_seconds: Annotated[float, Field(description="Spent answering, all turns.")]
    cost_usd: Annotated[float, Field(description="Estimated from the model's tokens.")]
    handoff_status: HandoffStatus | None = None
    handoff_ids: list[str]

    @classmethod
    def of(cls, session: Session) -> SessionView:
        """The view of a stored session."""
        return cls.model_validate(build_view(session))


def build_view(session: Session) -> dict[str, Any]:
    """A session's attributes as they are shown."""
    status = "running" if is_running(session) else "ended"
    rounded = {"cost_usd": round(session.cost_usd, 6)}
    return session.model_dump() | rounded | {"status": status}


class TurnView(Record):
    """One question and its answer; `error` says why there is none, or only a part."""

    question: str
    answer: str
    citations: list[Citation]
    handoff: dict[str, str] | None = None
    input_tokens: int
    output_tokens: int
    duration_seconds: float
    channel: Channel
    error: str | None = None
    at: str


class SessionDetail(SessionView):
    """A session with its transcript, oldest turn first."""

    transcript: list[TurnView]

    @classmethod
    def of(cls, session: Session, turns: list[TurnRecord] | None = None) -> SessionDetail:
        """The view of a stored session and its turns."""
        return cls.model_validate(build_view(session) | {"transcript": view_turns(turns or [])})


def view_turns(turns: list[TurnRecord]) -> list[TurnView]:
    """Turns as they are shown."""
    return [TurnView.model_validate(turn.model_dump()) for turn in turns]


class HandoffView(Record):
    """A conversation that a person is to take over."""

    handoff_id: str
    agent_id: str
    agent_name: str
    session_key: str
    session_id: str
    channel: Channel
    reason: str
    summary: str
    status: HandoffStatus
    created_at: str
    acknowledged_at: str | None = None


class HandoffDetail(HandoffView):
    """A hand-off with its session's transcript, which may have gone on since."""

    transcript: list[TurnView]

    @classmethod
    def of(cls, handoff: Handoff, turns: list[TurnRecord]) -> HandoffDetail:
        """The view of a stored hand-off."""
        return cls.model_validate(handoff.model_dump() | {"transcript": view_turns(turns)})


class HandoffQuery(PageQuery):
    """The query of GET /api/handoffs."""

    status: Annotated[HandoffStatus | None, Field(description="Only those of this status.")] = None
