"""Traces (OpenTelemetry): an agent's run continues the trace of the request that asked for it.

Airflow starts a trace of its own for every run and takes none from outside. So the request's span
is kept on the agent's record, as a W3C traceparent, and each step hangs its span there, linked to
the one Airflow has for the task. Without tracing (see api/tracing.py) none of this does anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Link, Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from include.errors import NotReadyError, OratioError
from include.models import Agent

PROPAGATOR = TraceContextTextMapPropagator()


def get_traceparent() -> str | None:
    """The current span as a W3C traceparent; None when nothing is traced."""
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def trace_step(agent: Agent, name: str, attempt: int) -> Iterator[None]:
    """Put a span around a step's work, in the trace of the agent's request.

    It says how the step ended by its code, never by a message, which may quote a tenant.
    """
    task = trace.get_current_span().get_span_context()
    parent = PROPAGATOR.extract({"traceparent": agent.traceparent}) if agent.traceparent else None
    facts: dict[str, str | int] = {
        "oratio.user_id": agent.user_id,
        "oratio.agent_id": agent.agent_id,
        "oratio.generation": agent.generation,
        "oratio.attempt": attempt,
    }
    with trace.get_tracer("oratio").start_as_current_span(
        name,
        context=parent,
        links=[Link(task)] if task.is_valid else [],
        attributes=facts,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            describe_outcome(span, error)
            raise
        span.set_attribute("oratio.outcome", "succeeded")


def describe_outcome(span: Span, error: Exception) -> None:
    """Say on the span why the work was left."""
    if isinstance(error, NotReadyError):
        span.set_attribute("oratio.outcome", "waiting")
        return
    code = error.code if isinstance(error, OratioError) else type(error).__name__
    span.set_attribute("oratio.outcome", "failed")
    span.set_status(Status(StatusCode.ERROR, code))
