"""What all tests of the gateway share: the gateway over HTTP, a scripted runtime, customers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest

from gateway.app import create_app
from include.keys import Scope, create_key
from include.models import Agent
from local.tokens import make_token
from tests.fake_runtime import serve_asgi, serve_runtime
from tests.fakes import store_agent


@dataclass
class Customer:
    """Somebody with a key, or a tenant with a token."""

    url: str
    agent: Agent
    token: str
    key_id: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers = {"Authorization": f"Bearer {self.token}"}
        self.http = httpx.Client(base_url=self.url, headers=self.headers, timeout=30)

    def path(self, rest: str = "chat") -> str:
        return f"/agents/{self.agent.agent_id}/{rest}"

    def ask(self, message: str = "How long?", **more: Any) -> httpx.Response:
        return self.http.post(self.path(), json={"message": message, **more})

    def complete(self, *messages: tuple[str, str], **more: Any) -> httpx.Response:
        body = {"messages": [{"role": role, "content": text} for role, text in messages]}
        return self.http.post(self.path("v1/chat/completions"), json=body | more)


@pytest.fixture
def runtime(stand_in, monkeypatch):
    """An AgentCore at which the gateway is aimed."""
    with serve_runtime() as runtime:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", runtime.url)
        yield runtime


@pytest.fixture
def start_gateway(stand_in, configure):
    """`start_gateway(RATE_LIMIT_KEY="2/minute")`: the gateway's address; one a test."""
    running = []

    def start(**settings: Any) -> str:
        configure(**settings)
        running.append(serve_asgi(create_app))
        return running[-1].__enter__()

    yield start
    for each in running:
        each.__exit__(None, None, None)


@pytest.fixture
def gateway_url(runtime, start_gateway):
    return start_gateway(RATE_LIMIT_KEY="1000000/minute")


@pytest.fixture
def agent(stand_in):
    return store_active()


def store_active(**changes: Any) -> Agent:
    arn = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/oratio_x-0123456789"
    return store_agent({}, **{"status": "active", "agentcore_agent_arn": arn} | changes)


@pytest.fixture
def make_customer(gateway_url):
    """`make_customer(agent)`: a new customer with a key of its own."""

    def make(
        agent: Agent,
        *scopes: Scope,
        expires_at: datetime | None = None,
        requests_per_minute: int | None = None,
    ) -> Customer:
        key, token = create_key(
            agent, "A customer", list(scopes) or [Scope.CHAT], expires_at, requests_per_minute
        )
        return Customer(gateway_url, agent, token, key.key_id)

    return make


@pytest.fixture
def customer(make_customer, agent):
    return make_customer(agent)


@pytest.fixture
def tenant(gateway_url, agent):
    return Customer(gateway_url, agent, make_token(agent.user_id, os.environ["JWT_SECRET"]))


def read_events(answer: httpx.Response) -> list[tuple[str, Any]]:
    """The events of an answer, as it comes or as it came: (name, data)."""
    events, name = [], ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            events.append((name, json.loads(line.removeprefix("data: "))))
    return events
