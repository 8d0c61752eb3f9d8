"""What waits for a caller: how much, and what is dropped."""

from __future__ import annotations

import asyncio
import json

from gateway.call_outbox import Outbox


def sound(number: int) -> dict[str, str]:
    return {"type": "audio", "audio": f"{number:04}" * 25}


async def take_all(outbox: Outbox) -> list[str]:
    await outbox.close({"type": "error"})
    types = []
    while (text := await outbox.take()) is not None:
        types.append(json.loads(text)["type"])
    return types


def test_whoever_fills_it_waits_until_something_was_taken():
    async def fill() -> None:
        outbox = Outbox(max_bytes=1_000)

        async def put_many() -> None:
            for number in range(100):
                await outbox.put(sound(number))

        filling = asyncio.ensure_future(put_many())
        most = 0
        for number in range(100):
            for _ in range(20):
                await asyncio.sleep(0)
            most = max(most, outbox.bytes)
            taken = await outbox.take()
            assert json.loads(taken or "") == sound(number)
        await filling
        assert 1_000 <= most < 1_200
        assert outbox.bytes == 0

    asyncio.run(fill())


def test_an_interruption_goes_first_and_drops_sound_only():
    async def interrupt() -> list[str]:
        outbox = Outbox(max_bytes=10_000)
        for frame in ({"type": "transcript"}, sound(1), sound(2), {"type": "done"}):
            await outbox.put(frame)
        await outbox.put({"type": "interrupted"})
        return await take_all(outbox)

    assert asyncio.run(interrupt()) == ["interrupted", "transcript", "done", "error"]


def test_an_interruption_makes_room():
    async def interrupt() -> list[str]:
        outbox = Outbox(max_bytes=100)
        await outbox.put(sound(1))
        waiting = asyncio.ensure_future(outbox.put({"type": "done"}))
        await asyncio.sleep(0)
        await outbox.put({"type": "interrupted"})
        await waiting
        return await take_all(outbox)

    assert asyncio.run(interrupt()) == ["interrupted", "done", "error"]
