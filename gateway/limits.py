"""How often one caller may ask, counted in memory or, for several processes, in Redis."""

from __future__ import annotations

import logging
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from include.errors import RateLimitError
from include.keys import ApiKey
from include.settings import Settings

log = logging.getLogger(__name__)


class RequestLimits:
    """Counts by key, tenant and address."""

    def __init__(self, settings: Settings) -> None:
        self.by_key = parse(settings.rate_limit_key)
        self.by_tenant = parse(settings.rate_limit_tenant)
        self.by_address = parse(settings.rate_limit_address)
        self.window = FixedWindowRateLimiter(open_storage(settings.rate_limit_storage_url))
        self.own_window = FixedWindowRateLimiter(MemoryStorage())

    async def count_key(self, key: ApiKey) -> None:
        """Count a request with a key.

        :raises RateLimitError: when there were too many.
        """
        own = key.requests_per_minute
        await self.count(RateLimitItemPerMinute(own) if own else self.by_key, "key", key.key_id)

    async def count_tenant(self, user_id: str) -> None:
        """Count a request of a tenant."""
        await self.count(self.by_tenant, "tenant", user_id)

    async def count_caller(self, key: ApiKey | None, user_id: str) -> None:
        """Count a message within a call: of a customer, or without a key of the tenant."""
        await (self.count_key(key) if key else self.count_tenant(user_id))

    async def count_refusal(self, address: str) -> None:
        """Count a request that no valid key or token came with: guessing must not pay."""
        await self.count(self.by_address, "address", address)

    async def count(self, limit: RateLimitItem, *name: str) -> None:
        """Count, here if the shared store is away.

        :raises RateLimitError: saying when to come back.
        """
        try:
            await hit(self.window, limit, *name)
        except StorageError as error:
            log.error("rate limits are counted by this process alone: %s", type(error).__name__)
            await hit(self.own_window, limit, *name)


def open_storage(url: str) -> MemoryStorage:
    """Where is counted; nothing is reached before the first request."""
    options = {"implementation": "redispy"} if url.startswith("redis") else {}
    storage: MemoryStorage = storage_from_string(  # type: ignore[assignment]
        f"async+{url}", wrap_exceptions=True, **options
    )
    return storage


async def hit(window: FixedWindowRateLimiter, limit: RateLimitItem, *name: str) -> None:
    """Count one, and refuse what is too much."""
    if not await window.hit(limit, *name):
        stats = await window.get_window_stats(limit, *name)
        seconds = max(1, math.ceil(stats.reset_time - time.time()))
        raise RateLimitError(f"Too many requests. Try again in {seconds} s.", seconds)
