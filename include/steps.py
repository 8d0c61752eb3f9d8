"""The protocol every step of a run follows: record the start, do the work, record the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include import records
from include.approval import held_seconds
from include.aws import from_aws
from include.errors import DeadlineExceededError, NotReadyError, OratioError, StaleGenerationError
from include.events import MAX_EVENTS
from include.lifecycle import postpone_deletion
from include.models import (
    Agent,
    AgentRef,
    AgentStatus,
    DispatchStatus,
    KnowledgeBaseStatus,
    Step,
    StepError,
    StepStatus,
    now,
)
from include.settings import get_settings
from include.tracing import trace_step
from include.versions import abandon_candidate, serve_candidate
from include.waits import settles_by

# What a step returns is written to the agent together with the step's success.
Work = Callable[[Agent, bool], dict[str, Any] | None]

RUN_STOPPED = StepError(
    code="run_stopped", message="The run was stopped by an operator. Retry the agent."
)
RUN_TIMED_OUT = StepError(
    code="deadline_exceeded",
    message="The run took longer than its deadline and was stopped. Retry the agent.",
)
INTERNAL_ERROR = StepError(
    code="internal_error",
    message="An unexpected error stopped this step. Retry the agent; if it fails again, tell us.",
)


def run_step(ref: AgentRef, name: str, attempt: int, work: Work) -> None:
    """Call `work(agent, redo)` and record how the step went; AWS's errors become ours.

    `redo` says that an earlier try of this step failed, so that what it left must not be trusted.

    :raises StaleGenerationError: when the agent has moved on; nothing was done or recorded.
    :raises NotReadyError: the caller waits and calls again.
    """
    agent = records.get_current_agent(ref)
    previous = agent.steps.get(name)
    step, agent = start_step(agent, name, attempt, previous)
    try:
        redo = previous is not None and previous.status == StepStatus.FAILED
        with trace_step(agent, name, attempt):
            attributes = work_until_ready(agent, redo, work)
    except NotReadyError:
        records.record_step(ref, name, step.model_copy(update={"status": StepStatus.WAITING}))
        raise
    except StaleGenerationError:
        raise
    except Exception as error:
        ours = from_aws(error) if isinstance(error, ClientError | BotoCoreError) else error
        end_step(ref, name, step, describe_error(ours))
        raise ours from (None if ours is error else error)
    if previous and previous.status == StepStatus.SUCCEEDED:
        attributes = leave_out_status(agent, attributes)
    end_step(ref, name, step, None, **attributes)


def leave_out_status(agent: Agent, attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes without a status that the agent has already: it is not announced again."""
    return {k: v for k, v in attributes.items() if (k, v) != ("status", agent.status)}


def work_until_ready(agent: Agent, redo: bool, work: Work) -> dict[str, Any]:
    """Do the work, again when what it waits for settles within moments; else NotReadyError."""
    deadline = time.monotonic() + get_settings().wait_inline_seconds
    while True:
        try:
            return work(agent, redo) or {}
        except NotReadyError as pending:
            if not settles_by(deadline, pending.probe, pending.ids):
                raise
        agent = records.get_current_agent(agent.ref)


def start_step(agent: Agent, name: str, attempt: int, previous: Step | None) -> tuple[Step, Agent]:
    """Record that the step runs; a failed agent is `creating` again. A wait keeps its start.

    Returns the agent as of this very write: what its tenant changed until then is in it, and from
    then on the tenant may not change what a step reads (include/lifecycle.py).
    """
    if len(agent.events) >= MAX_EVENTS:
        records.trim_events(agent.ref)
    is_resumed = previous is not None and previous.status == StepStatus.WAITING
    started_at = previous.started_at if previous and is_resumed else now()
    step = Step(status=StepStatus.RUNNING, attempt=attempt, started_at=started_at)
    return step, records.record_start(agent.ref, name, step, **reopen_run(agent))


def reopen_run(agent: Agent) -> dict[str, Any]:
    """What a step changes that is run again after its run had ended: its tenant must wait."""
    if agent.has_run:
        return {}
    reopened = {"dispatch": DispatchStatus.SENT, "run_requested_at": now()}
    is_failed = agent.status == AgentStatus.FAILED and not agent.deletion_requested_at
    return reopened | ({"status": AgentStatus.CREATING} if is_failed else {})


def end_step(
    ref: AgentRef, name: str, step: Step, error: StepError | None, **attributes: Any
) -> None:
    """Record the step's outcome, and attributes of the agent with it."""
    status = StepStatus.FAILED if error else StepStatus.SUCCEEDED
    outcome = {"status": status, "ended_at": now(), "error": error}
    records.record_step(ref, name, step.model_copy(update=outcome), **attributes)


def describe_error(error: Exception) -> StepError:
    """What a tenant may read of an error; nothing of one that is not ours."""
    if isinstance(error, OratioError):
        return StepError(code=error.code, message=error.message[:1000])
    return INTERNAL_ERROR


def remaining_wait_seconds(ref: AgentRef, name: str, run_started_at: datetime) -> float:
    """How long a step may still wait, by its own limit and by the run's.

    The time for which the run was held for a person does not count.

    :raises DeadlineExceededError: when its time is used up.
    """
    settings = get_settings()
    agent = records.get_current_agent(ref)
    at = datetime.fromisoformat(now())
    waited = (at - datetime.fromisoformat(agent.steps[name].started_at)).total_seconds()
    worked = (at - run_started_at).total_seconds() - held_seconds(agent)
    if waited >= settings.wait_timeout_seconds:
        limit = settings.wait_timeout_seconds
        raise DeadlineExceededError(
            f"Step {name} waited for AWS longer than {limit} s. Retry the agent."
        )
    if worked >= settings.run_deadline_minutes * 60:
        limit = settings.run_deadline_minutes
        raise DeadlineExceededError(
            f"The run took longer than {limit} minutes, up to {name}. Retry it."
        )
    left_of_run = settings.run_deadline_minutes * 60 - worked
    return min(settings.wait_timeout_seconds - waited, left_of_run)


def fail_step(ref: AgentRef, name: str, error: OratioError) -> None:
    """Record an error that was met outside the step's own work."""
    step = records.get_current_agent(ref).steps[name]
    end_step(ref, name, step, describe_error(error))


def fail_agent(ref: AgentRef, default: StepError = INTERNAL_ERROR) -> StepError:
    """Mark a `creating` agent `failed` with its failed step's error, its knowledge base `error`.

    An agent that is serving keeps its status and its version: a failed update or re-run does not
    take it away. A deletion is tried again later. Returns the error recorded.
    """
    agent = records.get_current_agent(ref)
    name, error = find_failure(agent, default)
    if agent.deletion_requested_at:
        postpone_deletion(agent, name, error)
        return error
    if agent.status != AgentStatus.CREATING:
        if agent.has_run:  # else it is recorded already, and the tenant may have gone on
            records.update_agent(ref, dispatch=None, **abandon_candidate(agent, name, error))
        return error
    # The agent last: when the first write is all that succeeds, trying again does both.
    records.update_knowledge_base(ref, agent.knowledge_base_id, status=KnowledgeBaseStatus.ERROR)
    outcome = {"status": AgentStatus.FAILED, "failure": error, "failed_step": name}
    records.update_agent(ref, dispatch=None, **outcome)
    return error


def find_failure(agent: Agent, default: StepError) -> tuple[str | None, StepError]:
    """The failed step and its error; a step left running was cut off and gets the default."""
    steps = sorted(agent.steps.items(), key=lambda item: item[1].started_at)
    for name, step in steps:
        if step.status == StepStatus.FAILED:
            return name, step.error or default
    cut_off = (StepStatus.RUNNING, StepStatus.WAITING)
    return next((name for name, step in steps if step.status in cut_off), None), default


def activate_agent(agent: Agent) -> dict[str, Any]:
    """What shows the agent to its tenant as `active`, with its addresses; paused it stays paused.

    Its knowledge base is `ready` at once.
    """
    settings = get_settings()
    is_paused = agent.status == AgentStatus.PAUSED
    # A step after the ingestion may have failed the run before, and the knowledge base with it.
    records.update_knowledge_base(
        agent.ref, agent.knowledge_base_id, status=KnowledgeBaseStatus.READY
    )
    return serve_candidate(agent) | {
        "status": AgentStatus.PAUSED if is_paused else AgentStatus.ACTIVE,
        "failure": None,
        "failed_step": None,
        "api_endpoint": f"{settings.public_gateway_url}/agents/{agent.agent_id}/chat",
        "websocket_url": build_websocket_url(agent),
    }


def build_websocket_url(agent: Agent) -> str | None:
    """The voice address, for agents that speak."""
    if agent.agent_type == "text":
        return None
    return f"{get_settings().public_websocket_url}/agents/{agent.agent_id}"
