"""Time while something is awaited: signs of life, limits, and clients that leave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

from include.errors import AgentTimeoutError
from include.settings import Settings

Item = TypeVar("Item")
Result = TypeVar("Result")
Receive = Callable[[], Awaitable[Any]]


class ClientGoneError(Exception):
    """Nobody is there any more to take the answer."""


async def pace(
    items: AsyncGenerator[Item, None], settings: Settings
) -> AsyncGenerator[Item | None, None]:
    """The items, and None whenever there has been none for a while; closes `items` at the end.

    :raises AgentTimeoutError: when all of them together take too long.
    """
    ends_at = time.monotonic() + settings.answer_seconds
    pending = asyncio.ensure_future(anext(items))
    try:
        while True:
            left = ends_at - time.monotonic()
            if left <= 0:
                raise AgentTimeoutError("The answer took too long. Ask for less at a time.")
            await asyncio.wait({pending}, timeout=min(left, settings.answer_keepalive_seconds))
            if not pending.done():
                yield None
                continue
            try:
                item = pending.result()
            except StopAsyncIteration:
                return
            yield item
            pending = asyncio.ensure_future(anext(items))
    finally:
        await end(pending)
        await items.aclose()


async def while_connected(receive: Receive, work: Awaitable[Result]) -> Result:
    """The result of the work, which is canceled should the client go.

    :raises ClientGoneError: when it did.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(wait_until_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGoneError
    finally:
        await end(leaving)
        await end(working)


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def end(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait until it has cleaned up; what came of it is of no interest."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
