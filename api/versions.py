"""Updating an agent, its versions, and the way back to an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from pydantic import ValidationError

from api.auth import get_user_id
from api.creation import try_dispatch
from api.errors import InvalidFormError
from api.idempotency import answer_once
from api.openapi import describe
from api.revisions import change_current
from api.schemas import AgentView, Rollback, VersionView
from api.uploads import describe_validation
from include import records, updates
from include.creator.trial.report import TrialReport, read_report
from include.idempotency import Answer, Claim, build_completion
from include.models import Agent, AgentVersion, KnowledgeBase

agent_versions = Blueprint("versions", __name__)


@agent_versions.get("/api/agents/<agent_id>/versions")
@describe(tag="agents", answers={200: list[VersionView]})
def list_versions(agent_id: str) -> list[dict[str, Any]]:
    """The versions of an agent's code that have served, newest first, and which one does."""
    agent = records.get_agent(get_user_id(), agent_id)
    return [show_version(agent, version) for version in reversed(agent.versions)]


def show_version(agent: Agent, version: AgentVersion) -> dict[str, Any]:
    """One version as its tenant sees it."""
    view = VersionView(
        **version.model_dump(),
        is_serving=version is agent.serving,
        generation_cost_usd=version.cost_usd,
    )
    return view.model_dump(mode="json", by_alias=True)


@agent_versions.get("/api/agents/<agent_id>/trial")
@describe(tag="agents", answers={200: TrialReport})
def get_trial(agent_id: str) -> dict[str, Any]:
    """How the code of the agent's last generation did when it was tried, passed or not.

    Every scenario with the lines of the SOP it comes from, what was asked, and what came back. The
    score is the share of passed scenarios of the kind that did worst. An agent that scores too low
    is not deployed: its `failure` has the code `trial_failed`.
    """
    agent = records.get_agent(get_user_id(), agent_id)
    return read_report(agent.ref).model_dump(mode="json", by_alias=True)


@agent_versions.post("/api/agents/<agent_id>:update")
@describe(tag="agents", answers={202: AgentView}, headers=("Idempotency-Key",), errors=(409,))
def update_agent(agent_id: str) -> tuple[dict[str, Any], int]:
    """Bring an agent up to its stored SOP, configuration and documents now.

    It serves as before until the new version has proved itself. If that fails it stays with the
    old one: `updateFailure` says why.
    """
    return start_run(agent_id, None, updates.build_update)


@agent_versions.post("/api/agents/<agent_id>:rollback")
@describe(
    tag="agents",
    answers={202: AgentView},
    body=Rollback,
    body_required=False,
    headers=("Idempotency-Key",),
    errors=(409,),
)
def rollback_agent(agent_id: str) -> tuple[dict[str, Any], int]:
    """Let an earlier version of an agent's code serve again.

    Documents stay as they are, and so do the stored SOP and configuration: `updateRequestedAt`
    says that they are not what serves, and an update makes a new version of them.
    """
    get_user_id()  # who may not ask learns nothing of what is wrong with the question
    version = read_rollback().version
    return start_run(agent_id, version, lambda agent: updates.build_rollback(agent, version))


def read_rollback() -> Rollback:
    """The request's JSON body, which may be absent."""
    try:
        return Rollback.model_validate(request.get_json() if request.get_data() else {})
    except ValidationError as error:
        raise InvalidFormError(describe_validation(error)) from error


def start_run(
    agent_id: str, payload: Any, build: Callable[[Agent], Agent]
) -> tuple[dict[str, Any], int]:
    """Record what `build` makes of the agent, once for an Idempotency-Key, and dispatch its run."""

    def start(claim: Claim | None) -> Answer:
        return change_current(agent_id, lambda agent, base: begin(agent, base, claim))

    def begin(agent: Agent, base: KnowledgeBase, claim: Claim | None) -> Answer:
        begun = build(agent)
        view = AgentView.of(begun, base).model_dump(mode="json", by_alias=True)
        answer = Answer(view, 202)
        updates.store_beginning(agent, begun, *build_completion(claim, answer))
        try_dispatch(begun)
        return answer

    answer = answer_once(get_user_id(), payload, start)
    return answer.body, answer.status
