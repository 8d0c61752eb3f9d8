"""Traces of requests and of the calls they make (OpenTelemetry); imported only if they are wanted.

Exported are names, numbers and ids only. The instrumentations would add addresses with their
queries, S3 keys and messages of exceptions, all of which may quote a tenant.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, Response, g
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.threading import ThreadingInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status

from api.request_log import find_agent_id

SERVICE = "oratio-intake"
UNTRACED = r"://[^/]+/(livez|readyz|health|metrics)$"
EXPORTED = frozenset({
    *("http.method", "http.request.method", "http.route"),
    *("http.status_code", "http.response.status_code"),
    *("rpc.system", "rpc.service", "rpc.method", "cloud.region", "retry_attempts"),
    *("aws.request_id", "aws.dynamodb.table_names"),
    *("oratio.user_id", "oratio.agent_id"),
})  # fmt: skip


def register_tracing(app: Flask) -> None:
    """Trace the application and send the spans to the collector that `OTEL_` variables name."""
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(NamesOnlyExporter(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    instrument(app)


def instrument(app: Flask) -> None:
    """A span for each request, and below it one for each call to AWS and to Airflow."""
    FlaskInstrumentor().instrument_app(app, excluded_urls=UNTRACED)  # type: ignore[no-untyped-call]
    # Threads: documents are copied by a pool of them, and the copies belong to the request.
    for instrumentor in (BotocoreInstrumentor, HTTPXClientInstrumentor, ThreadingInstrumentor):
        instrumentor().instrument()
    app.after_request(name_agent)


def name_agent(response: Response) -> Response:
    """Put the ids of tenant and agent on the request's span."""
    ids = {"oratio.user_id": g.get("user_id"), "oratio.agent_id": find_agent_id()}
    trace.get_current_span().set_attributes({name: id for name, id in ids.items() if id})
    return response


class NamesOnlyExporter(SpanExporter):
    """Hands on to another exporter what may leave, and only that."""

    def __init__(self, target: SpanExporter) -> None:
        self.target = target

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans without what may quote a tenant."""
        return self.target.export([strip(span) for span in spans])

    def shutdown(self) -> None:
        """No more spans will come."""
        self.target.shutdown()


def strip(span: ReadableSpan) -> ReadableSpan:
    """The span with the listed attributes only, without events and messages of errors."""
    attributes = {name: v for name, v in (span.attributes or {}).items() if name in EXPORTED}
    # Where no route matches, the path is the span's name.
    is_unmatched = span.kind == SpanKind.SERVER and "http.route" not in attributes
    return ReadableSpan(
        name="unmatched" if is_unmatched else span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
