"""Agents of which nothing has moved for longer than a whole run may take."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from include import records
from include.airflow_runs import list_open_runs, list_paused, stop_run
from include.errors import StaleGenerationError
from include.models import APPROVAL_STEP, Agent, DispatchStatus, Pipeline, StepError, StepStatus
from include.settings import get_settings
from include.steps import fail_agent

log = logging.getLogger(__name__)


def fail_overdue() -> int:
    """Stop the runs of overdue agents and record why, a batch of them; returns how many.

    One agent's trouble does not keep the others waiting.
    """
    if not any(records.list_open_refs(DispatchStatus.SENT)):
        return 0
    paused = list_paused()
    for pipeline in paused:
        log.warning("the DAG %s is paused: agents wait for it to be resumed", pipeline)
    overdue = list_overdue(compute_limit(), paused)
    return sum(stop(*item) for item in islice(overdue, get_settings().reconcile_batch))


def compute_limit() -> str:
    """What has not moved since then is overdue; Airflow's own deadline comes first."""
    settings = get_settings()
    minutes = settings.run_deadline_minutes + settings.overdue_margin_minutes
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="milliseconds")


def list_overdue(limit: str, paused: set[str]) -> Iterator[tuple[Agent, StepError]]:
    """Overdue agents with the reason.

    One that has not begun is overdue only if its pipeline is paused: else it waits its turn, which
    takes as long as there are others before it.
    """
    for agent in records.list_open_agents(DispatchStatus.SENT, until=limit):
        if not agent.steps and agent.pipeline in paused:
            yield agent, describe_pause(agent.pipeline)
        elif agent.steps and is_stuck(agent, limit):
            yield agent, describe_delay(agent)


def is_stuck(agent: Agent, limit: str) -> bool:
    """Whether no step has begun or ended since then, but for one that waits for a person."""
    approval = agent.steps.get(APPROVAL_STEP)
    if approval and approval.status == StepStatus.WAITING:
        return False
    return max(step.ended_at or step.started_at for step in agent.steps.values()) < limit


def describe_pause(pipeline: Pipeline) -> StepError:
    """The failure of an agent whose run was never begun."""
    return StepError(
        code="deadline_exceeded",
        message=f"The pipeline {pipeline} is paused: the run did not begin before its deadline. "
        "Retry the agent later.",
    )


def describe_delay(agent: Agent) -> StepError:
    """The failure of an agent that stands still."""
    name = max(agent.steps, key=lambda step: agent.steps[step].started_at)
    return StepError(
        code="deadline_exceeded",
        message=f"The run stood still in step {name} beyond its deadline. Retry the agent.",
    )


def stop(agent: Agent, error: StepError) -> bool:
    """End the agent's run, then mark it failed, so that no later step takes that back."""
    try:
        for run in list_open_runs(agent.agent_id):
            if run.ref == agent.ref:
                stop_run(run)
        fail_agent(agent.ref, error)
    except StaleGenerationError:
        return False  # it has moved on meanwhile
    except Exception as trouble:  # whatever it is, the next agent may fare better
        log.warning("agent_id=%s overdue run not stopped: %r", agent.agent_id, trouble)
        return False
    log.warning("agent_id=%s %s", agent.agent_id, error.message)
    return True
