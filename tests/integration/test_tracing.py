"""Traces: from the caller's span over the request to the steps of the run, and nothing told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.threading import ThreadingInstrumentor
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.app import create_app
from api.tracing import NamesOnlyExporter, instrument
from include import records
from include.aws import client
from include.errors import NotReadyError, RefusedByAwsError
from include.steps import run_step
from local.tokens import make_token
from tests.conftest import JWT_SECRET, ROOT
from tests.fakes import FORM, RETURNS, Caller, store_agent
from tests.http_server import serve

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER_SPAN = "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE_ID}-{CALLER_SPAN}-01"}
SECRET_PATH = "salaries-of-the-board.md"

# A process has one provider, for good; every test here empties its memory first.
MEMORY = InMemorySpanExporter()


@pytest.fixture(scope="module")
def provider():
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(NamesOnlyExporter(MEMORY)))
    trace.set_tracer_provider(provider)


@pytest.fixture
def alice(stand_in, airflow, provider):
    MEMORY.clear()
    app = create_app()
    instrument(app)
    yield Caller(app.test_client(), "alice", sign("alice") | TRACEPARENT)
    for instrumentor in (BotocoreInstrumentor, HTTPXClientInstrumentor, ThreadingInstrumentor):
        instrumentor().uninstrument()


def sign(user_id: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(user_id, JWT_SECRET)}"}


def names_of(spans: Any) -> set[str]:
    return {span.name for span in spans}


def of_the_trace() -> list[Any]:
    return [s for s in MEMORY.get_finished_spans() if f"{s.context.trace_id:032x}" == TRACE_ID]


def find(name: str) -> Any:
    (found,) = [span for span in MEMORY.get_finished_spans() if span.name == name]
    return found


def submit(alice: Any) -> Any:
    answer = alice.submit((SECRET_PATH, RETURNS))
    assert answer.status_code == 201, answer.text
    return records.get_agent("alice", answer.json["agentId"])


def test_one_trace_from_the_caller_to_the_steps(alice):
    agent = submit(alice)
    run_step(agent.ref, "first_step", 1, lambda agent, redo: None)
    trace_names = names_of(of_the_trace())
    assert {"POST /api/agents", "DynamoDB.TransactWriteItems", "first_step"} <= trace_names
    request = find("POST /api/agents")
    assert f"{request.parent.span_id:016x}" == CALLER_SPAN
    assert find("DynamoDB.TransactWriteItems").parent.span_id == request.context.span_id
    assert find("first_step").parent.span_id == request.context.span_id
    assert "POST" in trace_names  # the dispatch to Airflow
    assert any(name.startswith("S3.") for name in trace_names)
    ids = {"oratio.user_id": "alice", "oratio.agent_id": agent.agent_id}
    assert ids.items() <= request.attributes.items()
    assert ids.items() <= find("first_step").attributes.items()


def test_a_call_from_a_thread_belongs_to_the_request(alice):
    alice.submit((SECRET_PATH, RETURNS))
    strays = set(MEMORY.get_finished_spans()) - set(of_the_trace())
    assert names_of(strays) == set()


def test_a_retry_continues_the_trace_of_the_retry(alice):
    agent = store_agent(
        user_id="alice", status="failed", traceparent=f"00-{'1' * 32}-{'2' * 16}-01"
    )
    alice.http.post(f"/api/agents/{agent.agent_id}:retry", headers=alice.headers)
    assert TRACE_ID in records.get_agent("alice", agent.agent_id).traceparent


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [
        (RefusedByAwsError("no such file: salaries.md"), "failed", "refused_by_aws"),
        (ValueError("salaries"), "failed", "ValueError"),
        (NotReadyError("salaries", "knowledge_base", {}), "waiting", None),
    ],
)
def test_a_step_s_span_tells_its_end_by_code(alice, error, outcome, status):
    agent = submit(alice)
    ended = InMemorySpanExporter()
    processor = SimpleSpanProcessor(ended)
    trace.get_tracer_provider().add_span_processor(processor)

    def work(agent, redo):
        raise error

    with pytest.raises(type(error)):
        run_step(agent.ref, "a_step", 2, work)
    processor.shutdown()
    (span,) = [s for s in ended.get_finished_spans() if s.name == "a_step"]
    assert (span.attributes["oratio.outcome"], span.status.description) == (outcome, status)
    assert "salaries" not in span.to_json()


def test_nothing_a_tenant_wrote_leaves(alice):
    agent = submit(alice)
    path = f"/api/agents/{agent.agent_id}/documents/{SECRET_PATH}"
    alice.http.delete(path, headers=alice.headers)
    alice.get("/api/agents?cursor=stolen-cursor")
    alice.get("/no/such/salaries-of-the-board")
    with pytest.raises(client("s3").exceptions.ClientError):
        client("s3").get_object(Bucket="oratio-knowledge-bases", Key=SECRET_PATH)
    told = json.dumps([span.to_json() for span in MEMORY.get_finished_spans()])
    secrets = [SECRET_PATH, "salaries", "stolen-cursor", *FORM.values(), *alice.headers.values()]
    assert [
        s for s in secrets if s != "text" and s in told and s != TRACEPARENT["traceparent"]
    ] == []
    assert "unmatched" in names_of(MEMORY.get_finished_spans())


def test_probes_are_not_traced(alice):
    for path in ("/livez", "/readyz", "/health", "/metrics"):
        alice.get(path)
    assert [name for name in names_of(of_the_trace()) if name.startswith("GET")] == []


ASK = "from api.app import create_app; create_app().test_client().get('/openapi.json')"


def run_intake(**variables: str) -> str:
    """Ask the intake once in a process of its own; returns which modules it had imported."""
    code = f"{ASK}; import sys; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_spans_reach_a_collector():
    received = ExportTraceServiceRequest()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.MergeFromString(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with serve(Collector) as url:
        run_intake(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_SERVICE_NAME="oratio-airflow")
    (resource,) = received.resource_spans
    names = [span.name for scope in resource.scope_spans for span in scope.spans]
    assert names == ["GET /openapi.json"]
    assert '"oratio-intake"' in str(resource.resource)


def test_without_a_collector_nothing_is_imported():
    assert "opentelemetry.sdk" not in run_intake()
    assert "api.tracing" not in run_intake()
