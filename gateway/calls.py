"""One call: frames go both ways between a caller and an agent until one of them hangs up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.call_ends import CallIdleError, CallTooLongError, ClientTooSlowError
from gateway.call_frames import read_frame, show_frame
from gateway.call_outbox import Outbox
from gateway.call_turns import CallTurns
from gateway.callers import Caller, readmit
from gateway.pace import ClientGoneError, end
from gateway.services import Services
from gateway.turns import CANCELED
from gateway.voice_runtime import Line
from include.keys import Scope

log = logging.getLogger(__name__)

TOO_LONG = "The call has lasted as long as one may. Call again with its sessionId to go on."
IDLE = "Nothing was sent for a while. Call again with the call's sessionId to go on."
TOO_SLOW = "You do not read what you are sent. Read frames as they come, and queue sound yourself."


class Call:
    """A caller on the line; `outbox` is what the caller is to be sent."""

    def __init__(
        self, services: Services, caller: Caller, websocket: WebSocket, outbox: Outbox
    ) -> None:
        self.services, self.caller = services, caller
        self.websocket, self.outbox = websocket, outbox
        self.settings = services.settings
        self.active_at = time.monotonic()

    async def hold(self, line: Line, turns: CallTurns) -> None:
        """Relay until an error ends the call; a turn that is not over is recorded, too.

        :raises ClientGoneError: when the caller hangs up.
        :raises OratioError: when anything else ends the call.
        """
        try:
            await wait_for_first(
                self.listen(line, turns), self.answer(line, turns), self.watch(), self.recheck()
            )
        except BaseException as error:
            await turns.end(getattr(error, "code", CANCELED))
            raise

    async def listen(self, line: Line, turns: CallTurns) -> None:
        """Pass on what the caller says; nothing more is read while the agent does not read."""
        while True:
            frame = await read_frame(self.websocket)
            if frame["type"] == "text":
                await self.services.limits.count_caller(self.caller.key, self.caller.agent.user_id)
                turns.note_typed(frame["text"])
            await line.send(frame)
            self.active_at = time.monotonic()

    async def answer(self, line: Line, turns: CallTurns) -> None:
        """Pass on what the agent says; nothing more is read while the outbox is full."""
        while True:
            frame = show_frame(self.caller.agent, await line.receive())
            await turns.note(frame)
            await self.outbox.put(frame)
            self.active_at = time.monotonic()

    async def watch(self) -> None:
        """End the call when its time is over.

        :raises CallTooLongError: after CALL_SECONDS.
        :raises CallIdleError: after CALL_IDLE_SECONDS in which neither side sent anything.
        """
        ends_at = time.monotonic() + self.settings.call_seconds
        while True:
            idle_at = self.active_at + self.settings.call_idle_seconds
            now = time.monotonic()
            if now >= ends_at:
                raise CallTooLongError(TOO_LONG)
            if now >= idle_at:
                raise CallIdleError(IDLE)
            await asyncio.sleep(min(ends_at, idle_at) - now)

    async def recheck(self) -> None:
        """End the call soon after its key was revoked, or the agent paused or deleted."""
        while True:
            await asyncio.sleep(self.settings.call_check_seconds)
            try:
                await readmit(self.websocket, self.caller, Scope.VOICE)
            except (ClientError, BotoCoreError) as error:
                log.error("a call was not checked: %s", type(error).__name__)


async def speak(websocket: WebSocket, outbox: Outbox, seconds: float) -> None:
    """Send the caller what the outbox holds, up to the last frame.

    :raises ClientTooSlowError: when the caller takes nothing for so many seconds.
    :raises ClientGoneError: when nobody is there any more.
    """
    while (text := await outbox.take()) is not None:
        try:
            async with asyncio.timeout(seconds):
                await websocket.send_text(text)
        except TimeoutError as error:
            raise ClientTooSlowError(TOO_SLOW) from error
        except (WebSocketDisconnect, RuntimeError) as error:
            raise ClientGoneError from error


async def wait_for_first(*works: Awaitable[Any]) -> None:
    """Run all until the first one ends, which decides; the others are canceled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            await end(task)
