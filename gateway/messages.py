"""Requests as JSON, answers as Server-Sent Events."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.pace import ClientGoneError, while_connected
from gateway.runtime import Event
from include.errors import OratioError
from include.problems import INTERNAL_ERROR, InvalidFormError, describe_validation
from include.settings import get_settings

log = logging.getLogger(__name__)

Model = TypeVar("Model", bound=BaseModel)
Events = AsyncGenerator[Event | None, None]

EVENT_STREAM_TYPE = "text/event-stream"
KEEP_ALIVE = ": still here\n\n"


async def read_body(request: Request, model: type[Model]) -> Model:
    """The request's JSON body.

    :raises InvalidFormError: naming each field that is wrong.
    """
    try:
        body = json.loads(await read_bytes(request))
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body is not JSON.") from error
    return check(model, body)


def check(model: type[Model], data: Any) -> Model:
    """The data as a model.

    :raises InvalidFormError: naming each field that is wrong.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error


async def read_bytes(request: Request) -> bytes:
    """The request's body, unless it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > get_settings().max_json_bytes:
            raise HTTPException(413, "The body is too large.")
    return bytes(body)


async def take_first(request: Request, events: Events) -> Event | None:
    """The first event, before which an error can still choose the answer's status."""
    try:
        return await while_connected(request.receive, anext(events))
    except BaseException:
        await events.aclose()
        raise


async def take_last(request: Request, events: Events) -> Event:
    """The event `done`, with which every answer ends."""

    async def drain() -> Event:
        last: Event = {}
        async for event in events:
            last = event or last
        return last

    try:
        return await while_connected(request.receive, drain())
    finally:
        await events.aclose()


def build_message(data: Any, event: str = "") -> str:
    """One Server-Sent Event; JSON has no line breaks."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(data, ensure_ascii=False)}\n\n"


class EventStream(Response):
    """Sends each event as it comes; ends the agent's work when the client goes.

    Unlike Starlette's own streams it lets that work clean up, and waits for it.
    """

    media_type = EVENT_STREAM_TYPE

    def __init__(
        self,
        opening: str,
        first: Event | None,
        events: Events,
        show: Callable[[Event], str],
        show_error: Callable[[OratioError], str],
    ) -> None:
        # nginx would hold the events back.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self.opening, self.first, self.events = opening, first, events
        self.show, self.show_error = show, show_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        try:
            await while_connected(receive, self.send_all(send))
        except ClientGoneError:
            scope.setdefault("state", {})["is_gone"] = True

    async def send_all(self, send: Send) -> None:
        """Send the opening, the events, and what went wrong, if anything did."""
        async with aclosing(self.events):
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            await send_text(send, self.opening + self.show_any(self.first))
            try:
                async for event in self.events:
                    await send_text(send, self.show_any(event))
            except OratioError as error:
                await send_text(send, self.show_error(error))
            except Exception as error:
                log.error("unexpected error", exc_info=error)
                await send_text(send, self.show_error(OratioError(INTERNAL_ERROR)))
        await send_text(send, "", more=False)

    def show_any(self, event: Event | None) -> str:
        """The event, or a sign of life."""
        return KEEP_ALIVE if event is None else self.show(event)


async def send_text(send: Send, text: str, more: bool = True) -> None:
    """One part of the body; waits while the client does not read."""
    if text or not more:
        body = text.encode("utf-8", "surrogatepass")
        await send({"type": "http.response.body", "body": body, "more_body": more})
