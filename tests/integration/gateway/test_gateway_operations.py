"""Liveness, readiness and metrics of the gateway."""

from __future__ import annotations

import re

import httpx
import pytest

from gateway.operations import READINESS


@pytest.fixture(autouse=True)
def _look_anew():
    READINESS.forget()
    yield
    READINESS.forget()


def count(text: str, name: str, **labels: object) -> float:
    """One number of the metrics; 0 where there is none yet."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    for line in text.splitlines():
        if re.match(rf"{name}[ {{]", line) and all(label in line for label in wanted):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def test_alive(gateway_url):
    for path in ("/livez", "/health"):
        assert httpx.get(gateway_url + path).json() == {"status": "ok"}


def test_ready_when_all_is_there(gateway_url):
    answer = httpx.get(f"{gateway_url}/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert set(answer.json()["checks"].values()) == {"ok"}


@pytest.mark.parametrize(
    ("table", "status", "code"),
    [
        ("AGENTS_TABLE", "unready", 503),
        ("KEYS_TABLE", "unready", 503),
        ("OUTBOX_TABLE", "degraded", 200),
    ],
)
def test_a_missing_table_shows(start_gateway, runtime, table, status, code):
    answer = httpx.get(f"{start_gateway(**{table: 'missing'})}/readyz")
    assert (answer.status_code, answer.json()["status"]) == (code, status)


def test_metrics_count_answers_and_refusals_by_route(make_customer, agent, gateway_url):
    route = "/agents/{agent_id}/chat"
    before = httpx.get(f"{gateway_url}/metrics").text
    customer = make_customer(agent)
    assert customer.ask().status_code == 200
    assert httpx.post(gateway_url + customer.path(), json={"message": "?"}).status_code == 401
    after = httpx.get(f"{gateway_url}/metrics").text
    for status in (200, 401):
        name = "oratio_gateway_requests_total"
        wanted = count(before, name, route=route, status=status) + 1
        assert count(after, name, route=route, status=status) == wanted
    assert count(after, "oratio_gateway_first_byte_seconds_count", route=route) >= 2
    assert count(after, "oratio_gateway_answers") == 0


def test_metrics_show_nothing_of_callers(make_customer, agent, gateway_url):
    customer = make_customer(agent)
    customer.ask("canary-4f1c9e")
    httpx.get(f"{gateway_url}/canary-4f1c9e")
    text = httpx.get(f"{gateway_url}/metrics").text
    for secret in ("canary-4f1c9e", customer.token, agent.agent_id):
        assert secret not in text
    assert count(text, "oratio_gateway_requests_total", route="unmatched", status=404) > 0
