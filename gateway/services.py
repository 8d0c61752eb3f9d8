"""What all requests of the process share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from gateway.call_count import CallCount
from gateway.deliveries import run_deliveries
from gateway.limits import RequestLimits
from gateway.runtime import AgentRuntime, open_runtime
from gateway.uses import KeyUses
from include.errors import RetryableError
from include.settings import Settings, get_settings

log = logging.getLogger(__name__)


@dataclass
class Services:
    """The agents, the limits, and what is counted."""

    settings: Settings
    runtime: AgentRuntime
    limits: RequestLimits
    uses: KeyUses
    calls: CallCount
    answers: int = 0  # being given now

    @contextmanager
    def taking_room(self) -> Iterator[None]:
        """Count an answer while it is given.

        :raises RetryableError: when the process gives as many as it may.
        """
        if self.answers >= self.settings.max_answers:
            raise RetryableError("Too many answers are being given. Try again shortly.")
        self.answers += 1
        try:
            yield
        finally:
            self.answers -= 1


@asynccontextmanager
async def open_services(app: Starlette) -> AsyncIterator[None]:
    """Connect, deliver webhooks, and write what was counted on the way out."""
    settings = get_settings()
    threads = ThreadPoolExecutor(settings.gateway_threads, thread_name_prefix="dynamodb")
    asyncio.get_running_loop().set_default_executor(threads)
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(settings))
        await stack.enter_async_context(run_deliveries())
        uses = await stack.enter_async_context(KeyUses(settings.key_use_seconds))
        app.state.services = Services(
            settings, runtime, RequestLimits(settings), uses, CallCount(settings)
        )
        yield


def get_services(request: HTTPConnection) -> Services:
    """The process's services."""
    services: Services = request.app.state.services
    return services
