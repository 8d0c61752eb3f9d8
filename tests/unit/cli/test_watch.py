"""Watching bears an outage, but not for ever."""

from __future__ import annotations

import httpx
import pytest

from cli import watch
from cli.api import Api
from cli.errors import NotFoundError, TemporaryError, UnreachableError

CREATING = {"status": "creating", "agentName": "Desk", "steps": {}}
ACTIVE = CREATING | {"status": "active"}
BUSY = httpx.Response(429, json={"detail": "Slow."}, headers={"Retry-After": "7"})


@pytest.fixture
def slept(monkeypatch):
    """Seconds that would have been slept."""
    seconds: list[float] = []
    monkeypatch.setattr(watch.time, "sleep", seconds.append)
    return seconds


def poll(*answers):
    """Poll an API that gives these answers one after the other."""
    remaining = iter(answers)

    def handle(request):
        answer = next(remaining)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    http = httpx.Client(base_url="http://x", transport=httpx.MockTransport(handle))
    return [agent["status"] for agent in watch.poll(Api(http), "a1")]


def test_watching_ends_with_the_creation(slept):
    assert poll(CREATING, CREATING, ACTIVE) == ["creating", "creating", "active"]
    assert poll(ACTIVE) == ["active"]


def test_a_short_outage_is_borne(slept):
    down = httpx.ConnectError("refused")
    assert poll(CREATING, down, down, CREATING, down, ACTIVE)[-1] == "active"


def test_a_busy_api_is_given_its_time(slept):
    assert poll(CREATING, BUSY, ACTIVE)[-1] == "active"
    assert 7 in slept


def test_a_long_outage_ends_it(slept, monkeypatch):
    monkeypatch.setattr(watch, "FAILURES_BORNE", 2)
    down = httpx.ConnectError("refused")
    with pytest.raises(UnreachableError):
        poll(CREATING, down, down, down)


def test_what_is_down_from_the_start_is_not_waited_for(slept):
    with pytest.raises(TemporaryError):
        poll(BUSY)
    assert slept == []


def test_an_agent_that_is_deleted_meanwhile_ends_it(slept):
    with pytest.raises(NotFoundError):
        poll(CREATING, httpx.Response(404, json={"detail": "There is no agent."}))
