"""The one trigger: waits in the triggerer until an AWS resource has settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from include.errors import NotReadyError
from include.finishing import finish_step
from include.models import AgentRef
from include.settings import get_settings
from include.waits import should_wake

BACKOFF = 1.5


class SettledTrigger(BaseTrigger):
    """Ends the step when `probe` says so and little is left to do; else wakes it.

    The step is woken, too, by an error that it should report itself.
    """

    def __init__(
        self, step: str, ref: Mapping[str, Any], probe: str, ids: Mapping[str, str]
    ) -> None:
        super().__init__()
        self.step = step
        self.ref = AgentRef(**ref)
        self.wait_for(probe, ids)

    def wait_for(self, probe: str, ids: Mapping[str, str]) -> None:
        """Begin to wait, at first with short pauses."""
        self.probe = probe
        self.ids = dict(ids)
        self.pause_seconds = get_settings().wait_poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow stores the trigger."""
        step = {"step": self.step, "ref": asdict(self.ref)}
        return "oratio.triggers.SettledTrigger", {**step, "probe": self.probe, "ids": self.ids}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look with growing pauses; what wakes the step says nothing, it looks for itself."""
        while (event := await asyncio.to_thread(self.look)) is None:
            await asyncio.sleep(self.pause_seconds)
            longest = get_settings().wait_poll_max_seconds
            self.pause_seconds = min(self.pause_seconds * BACKOFF, longest)
        yield event

    def look(self) -> TriggerEvent | None:
        """The step's end or its wake-up call; None while it has nothing to do but wait."""
        if not should_wake(self.probe, self.ids):
            return None
        try:
            is_finished = finish_step(self.ref, self.step)
        except NotReadyError as pending:
            self.wait_for(pending.probe, pending.ids)
            return None
        return TaskSuccessEvent() if is_finished else TriggerEvent({"settled": self.probe})
