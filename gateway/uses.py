"""How often each key is used: counted in memory, written to its record once in a while."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.keys import ApiKey, record_uses
from include.models import now

log = logging.getLogger(__name__)

Position = tuple[str, str]


class KeyUses:
    """Uses not written yet; a process that is killed forgets them."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.counts: Counter[Position] = Counter()
        self.last_used_at: dict[Position, str] = {}

    async def __aenter__(self) -> KeyUses:
        self.writing = asyncio.create_task(self.write_regularly())
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.writing.cancel()
        await self.write()

    def count(self, key: ApiKey) -> None:
        """One more request has come with this key."""
        position = key.agent_id, key.key_id
        self.counts[position] += 1
        self.last_used_at[position] = now()

    async def write_regularly(self) -> None:
        """Write again and again."""
        while True:
            await asyncio.sleep(self.seconds)
            await self.write()

    async def write(self) -> None:
        """Write what was counted; what cannot be written now is tried again the next time."""
        counts, self.counts = self.counts, Counter()
        for position, uses in counts.items():
            try:
                await asyncio.to_thread(record_uses, *position, uses, self.last_used_at[position])
            except (BotoCoreError, ClientError) as error:
                log.error("uses of a key were not written: %s", type(error).__name__)
                self.counts[position] += uses
            else:
                if position not in self.counts:
                    self.last_used_at.pop(position, None)
