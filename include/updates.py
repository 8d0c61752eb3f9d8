"""How the update and the rollback of a serving agent begin."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from include import records, usage
from include.dispatch import dispatch_agent
from include.errors import InvalidInputError, WrongStateError
from include.lifecycle import is_serving, request_run, require_no_run
from include.models import Agent, AgentVersion, DispatchStatus, Pipeline, now
from include.settings import get_settings

log = logging.getLogger(__name__)

# What differs between an agent and the same agent at the beginning of such a run.
BEGINNING = (
    "generation",
    "pipeline",
    "dispatch",
    "run_requested_at",
    "steps",
    "candidate",
    "update_failure",
    "updated_at",
)


def build_update(agent: Agent) -> Agent:
    """A changed agent as it is when its update begins, as a new generation; it goes on serving.

    :raises WrongStateError: when it is not serving, busy, or has not changed.
    :raises TenantQuotaError: while too many of the user's agents are being created.
    """
    require_idle(agent)
    if agent.update_requested_at is None:
        raise WrongStateError("Nothing has changed since the agent was made; change it first.")
    usage.require_creating_room(agent.user_id)
    return begin(agent, Pipeline.UPDATE, None)


def build_rollback(agent: Agent, version: str | None) -> Agent:
    """An agent as it is when its return to an earlier version (None: the one before) begins.

    :raises WrongStateError: when it is not serving, busy, or there is no other version.
    :raises InvalidInputError: when it has no such version.
    """
    require_idle(agent)
    return begin(agent, Pipeline.ROLLBACK, find_target(agent, version))


def find_target(agent: Agent, version: str | None) -> AgentVersion:
    """The version to return to."""
    numbers = [known.version for known in agent.versions]
    serving = agent.agentcore_agent_version
    if version is None:
        earlier = numbers.index(serving) - 1 if serving in numbers else -1
        if earlier < 0:
            raise WrongStateError(f"There is no version before {serving}; name one of {numbers}.")
        return agent.versions[earlier]
    if version not in numbers:
        known = ", ".join(map(str, numbers))
        raise InvalidInputError(f"The agent has no version {version!r}, but {known}.", "version")
    if version == serving:
        raise WrongStateError(f"Version {version} serves already.")
    return agent.versions[numbers.index(version)]


def require_idle(agent: Agent) -> None:
    """Refuse unless the agent serves and no run works on it."""
    if not is_serving(agent):
        raise WrongStateError(f"The agent is {agent.status}; it must be active or paused.")
    require_no_run(agent)


def begin(agent: Agent, pipeline: Pipeline, candidate: AgentVersion | None) -> Agent:
    """The agent at the beginning of the run."""
    changes: dict[str, Any] = {"candidate": candidate, "update_failure": None, "updated_at": now()}
    return agent.model_copy(update=request_run(agent, pipeline) | changes)


def store_beginning(agent: Agent, begun: Agent, *more: dict[str, Any]) -> None:
    """Write what was built of the agent, and `more`, in one transaction.

    :raises ConflictError: when the agent is not as it was read.
    """
    attributes = {name: getattr(begun, name) for name in BEGINNING}
    records.change_agent(agent, attributes, [], *more)


def start_quiet_updates() -> int:
    """Start the updates of a batch of agents that nobody has changed for a while; returns how many.

    One agent's failure does not keep the others waiting; it is tried again at the next call.
    """
    if not get_settings().update_quiet_seconds:
        return 0
    started, batch = 0, get_settings().reconcile_batch
    for agent in islice(records.list_open_agents(DispatchStatus.QUIET), batch):
        if not is_quiet(agent):  # nor are those after it: they changed later
            break
        try:
            begun = build_update(agent)
            store_beginning(agent, begun)
            dispatch_agent(begun)
            started += 1
        except Exception as error:  # whatever it is, the next agent may fare better
            log.warning("agent_id=%s update not started: %r", agent.agent_id, error)
    return started


def is_quiet(agent: Agent) -> bool:
    """Whether the last change is long enough ago."""
    since = datetime.now(UTC) - datetime.fromisoformat(agent.run_requested_at)
    return since >= timedelta(seconds=get_settings().update_quiet_seconds)
