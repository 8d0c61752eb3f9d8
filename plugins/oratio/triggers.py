"""The one trigger: waits in the triggerer until an AWS resource has settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from include.settings import get_settings
from include.waits import should_wake

BACKOFF = 1.5


class SettledTrigger(BaseTrigger):
    """Fires once when `probe` says so, or meets an error that the step itself should report."""

    def __init__(self, probe: str, ids: Mapping[str, str]) -> None:
        super().__init__()
        self.probe = probe
        self.ids = dict(ids)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow stores the trigger."""
        return "oratio.triggers.SettledTrigger", {"probe": self.probe, "ids": self.ids}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll with growing pauses; the event says nothing, the step looks for itself."""
        settings = get_settings()
        pause = settings.wait_poll_seconds
        while not await asyncio.to_thread(should_wake, self.probe, self.ids):
            await asyncio.sleep(pause)
            pause = min(pause * BACKOFF, settings.wait_poll_max_seconds)
        yield TriggerEvent({"settled": self.probe})
