"""Customers at the gateway of the whole stack, with OpenAI's client and by webhook."""

from __future__ import annotations

import os
import signal
from typing import Any

import httpx
import pytest
from openai import APIError, OpenAI

from local.supervisor import list_states
from tests.system.conftest import wait_until

pytestmark = pytest.mark.system

HOURS = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six."}
QUESTION = [{"role": "user", "content": "When does the shop open?"}]


@pytest.fixture(scope="module")
def agent(stack: Any) -> tuple[Any, dict[str, Any]]:
    tenant = stack.tenant("shopkeeper")
    return tenant, tenant.wait_for(tenant.create(HOURS)["agentId"], "active")


def make_key(tenant: Any, agent: dict[str, Any]) -> dict[str, Any]:
    answer = tenant.http.post(f"/api/agents/{agent['agentId']}/keys", json={"name": "Shop"})
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


def ask(client: OpenAI) -> str:
    """One streamed answer."""
    stream = client.chat.completions.create(model="any", messages=QUESTION, stream=True)  # type: ignore[call-overload]
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


def test_openai_s_client_asks_by_base_url_and_key(stack: Any, agent: Any) -> None:
    tenant, made = agent
    assert made["apiEndpoint"].startswith(stack.settings.gateway_url)
    key = make_key(tenant, made)
    base_url = made["apiEndpoint"].removesuffix("/chat") + "/v1"
    with OpenAI(base_url=base_url, api_key=key["key"], max_retries=0) as client:
        assert "nine" in ask(client)
        path = f"/api/agents/{made['agentId']}/keys/{key['keyId']}"
        assert tenant.http.delete(path).status_code == 200
        with pytest.raises(APIError, match="revoked"):
            ask(client)


def test_a_killed_gateway_comes_back_with_its_sessions(stack: Any, agent: Any) -> None:
    tenant, made = agent
    headers = {"Authorization": f"Bearer {make_key(tenant, made)['key']}"}
    body = {"message": "When does the shop open?", "sessionId": "before-the-kill"}
    assert httpx.post(made["apiEndpoint"], json=body, headers=headers).status_code == 200
    os.kill(list_states(stack.settings)["gateway"]["pid"], signal.SIGKILL)

    def ask_again() -> bool:
        try:
            answer = httpx.post(made["apiEndpoint"], json=body, headers=headers)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    wait_until(ask_again, "the gateway to come back")
    [session] = [
        each
        for each in tenant.http.get(f"/api/agents/{made['agentId']}/sessions").json()
        if each["sessionId"] == "before-the-kill"
    ]
    assert session["turns"] >= 2
