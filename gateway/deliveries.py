"""Delivers webhooks beside whatever else this process does.

Several gateways share the work: each entry of the outbox is claimed by one at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from include.settings import get_settings
from include.webhooks.addresses import check_webhook_settings
from include.webhooks.delivery import process_entry
from include.webhooks.outbox import Entry, claim_due

log = logging.getLogger(__name__)

MAX_AT_A_TIME = 16  # a slow receiver holds one of them for WEBHOOK_TIMEOUT_SECONDS


@asynccontextmanager
async def run_deliveries() -> AsyncIterator[None]:
    """Deliver what is due until the context ends; what is being sent then is finished.

    :raises ConfigurationError: when the settings are unsafe.
    """
    check_webhook_settings(get_settings())
    stop = asyncio.Event()
    task = asyncio.create_task(deliver_until(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def deliver_until(stop: asyncio.Event) -> None:
    """Look for what is due, again and again; at once while there is more than fits."""
    working: set[asyncio.Task[None]] = set()
    while not stop.is_set():
        room = MAX_AT_A_TIME - len(working)
        claimed = await claim_some(room)
        for entry in claimed:
            task = asyncio.create_task(process_safely(entry))
            working.add(task)
            task.add_done_callback(working.discard)
        if len(claimed) == room:
            await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), get_settings().webhook_poll_seconds)
    if working:
        await asyncio.wait(working)


async def claim_some(room: int) -> list[Entry]:
    """Claim what is due, as there is room for; nothing while DynamoDB is away."""
    try:
        return await asyncio.to_thread(claim_due, room)
    except Exception:
        log.exception("the outbox cannot be read")
        return []


async def process_safely(entry: Entry) -> None:
    """Process one entry; after an error of ours it is tried again when its claim is over."""
    try:
        await process_entry(entry)
    except Exception:
        log.exception("entry %s of the outbox failed", entry.entry_id)
