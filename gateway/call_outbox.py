"""What a caller is still to be sent: bounded, and emptied of sound when the caller cuts in."""

from __future__ import annotations

import asyncio
import json
from collections import deque

from gateway.call_frames import Frame


class Outbox:
    """Frames on their way to one caller, as text."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.frames: deque[tuple[str, str]] = deque()  # type and text
        self.bytes = 0
        self.is_closed = False
        self.changed = asyncio.Condition()

    async def put(self, frame: Frame) -> None:
        """Add a frame, once there is room; an interruption goes first, and sound is dropped."""
        kind, text = str(frame["type"]), json.dumps(frame, ensure_ascii=False)
        async with self.changed:
            if kind == "interrupted":
                self.drop_audio()
                self.frames.appendleft((kind, text))
            else:
                await self.changed.wait_for(lambda: self.bytes < self.max_bytes)
                self.frames.append((kind, text))
            self.bytes += len(text)
            self.changed.notify_all()

    def drop_audio(self) -> None:
        """Forget the sound that has not been sent."""
        self.frames = deque(each for each in self.frames if each[0] != "audio")
        self.bytes = sum(len(text) for _, text in self.frames)

    async def close(self, last: Frame) -> None:
        """Add the last frame, whether there is room or not."""
        async with self.changed:
            self.frames.append((str(last["type"]), json.dumps(last, ensure_ascii=False)))
            self.is_closed = True
            self.changed.notify_all()

    async def take(self) -> str | None:
        """The next frame; None after the last one."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.frames or self.is_closed)
            if not self.frames:
                return None
            _, text = self.frames.popleft()
            self.bytes -= len(text)
            self.changed.notify_all()
            return text
