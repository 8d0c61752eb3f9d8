"""The approval step over the recorded agent: asked, answered, rejected, out of time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped, TaskAwaitingInput

from api.prepared import build_form
from api.schemas import PreparedSubmission
from include.approval import build_options
from include.creator.publish import publish_code
from include.errors import (
    ApprovalRejectedError,
    ApprovalTimedOutError,
    CodeRejectedError,
    DeadlineExceededError,
    NotApprovedError,
    NotReadyError,
    WrongStateError,
)
from include.models import AgentStatus, StepStatus
from include.records import get_agent
from include.steps import fail_agent, remaining_wait_seconds, run_step
from oratio.operators import approval
from oratio.operators.approval import ApproveCodeOperator
from oratio.operators.creator import GenerateCodeOperator
from oratio.operators.runtime import DeployRuntimeOperator
from tests.fakes import FORM, RETURNS, SOP, reload, store_agent

NASTY = SOP + "\n\n{{ 1+1 }} ``` [approve](https://evil.example) <b>bold</b>\n"


@pytest.fixture
def asked(monkeypatch, stand_in, airflow):
    """What the screen is told, by ApproveCodeOperator."""
    questions = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail",
        lambda **question: questions.append(question),
    )
    return questions


def make_context(agent, try_number=1):
    params = {"user_id": agent.user_id, "agent_id": agent.agent_id, "generation": 1}
    run = SimpleNamespace(start_date=datetime.now(UTC))
    ti = SimpleNamespace(try_number=try_number, id="ti", dag_id="create_agent", run_id="r")
    return {"params": params, "ti": ti, "task_instance": ti, "dag_run": run}


def make_held(**changes):
    agent = store_agent(require_approval=True, **changes)
    publish_code(agent)
    return reload(agent)


def make_operator():
    return ApproveCodeOperator(task_id="approve_code")


def ask(agent, try_number=1):
    with pytest.raises(TaskAwaitingInput) as waiting:
        make_operator().execute(make_context(agent, try_number))
    return waiting.value


def respond(choice, **params):
    return {"response_received": True, "chosen_options": [choice], "params_input": params}


def answer(agent, choice, **params):
    event = {"chosen_options": [choice], "params_input": params}
    make_operator().execute_complete(make_context(agent), event)


def test_the_step_waits_and_shows_what_would_run(asked):
    agent = make_held(sop=NASTY)
    assert ask(agent).timeout == timedelta(hours=72)
    assert reload(agent).steps["approve_code"].status == StepStatus.WAITING
    (question,) = asked
    assert question["options"] == build_options(agent)
    assert "{{ 1+1 }}" in question["body"]
    assert "BedrockAgentCoreApp" in question["body"]
    assert agent.agent_code_sha256 in question["body"]
    assert question["subject"] == f"Approve the code of agent {agent.agent_id}"


def test_approving_lets_it_be_deployed(asked):
    agent = make_held()
    ask(agent)
    answer(agent, build_options(agent)[0])
    approved = reload(agent)
    assert approved.steps["approve_code"].status == StepStatus.SUCCEEDED
    assert approved.approved_code_sha256 == agent.agent_code_sha256


def test_rejecting_fails_the_agent_with_the_reason(asked):
    agent = make_held()
    ask(agent)
    with pytest.raises(ApprovalRejectedError):
        answer(agent, "Reject", reason="It promises refunds")
    fail_agent(agent.ref)
    failed = reload(agent)
    assert (failed.status, failed.failed_step) == (AgentStatus.FAILED, "approve_code")
    assert failed.failure.code == "approval_rejected"
    assert "It promises refunds" in failed.failure.message


@pytest.mark.parametrize("try_number", [1, 2, 3])
def test_an_answer_to_a_lost_try_counts(asked, airflow, try_number):
    agent = make_held()
    ask(agent)
    airflow.question = respond(build_options(agent)[0])
    make_operator().execute(make_context(agent, try_number))
    assert len(asked) == 1
    assert reload(agent).approved_code_sha256 == agent.agent_code_sha256


def test_a_rejection_given_to_a_lost_try_counts(asked, airflow):
    agent = make_held()
    ask(agent)
    airflow.question = respond("Reject", reason="It promises refunds")
    with pytest.raises(ApprovalRejectedError, match="It promises refunds"):
        make_operator().execute(make_context(agent, try_number=2))


def test_a_rejection_that_a_lost_try_recorded_counts(asked, airflow):
    agent = make_held()
    ask(agent)
    with pytest.raises(ApprovalRejectedError):
        answer(agent, "Reject", reason="It promises refunds")
    airflow.question = respond("Reject", reason="It promises refunds")
    with pytest.raises(ApprovalRejectedError, match="It promises refunds"):
        make_operator().execute(make_context(agent, try_number=2))
    assert len(asked) == 1


def test_a_question_that_nobody_answered_is_asked_again(asked, airflow):
    agent = make_held()
    ask(agent)
    airflow.question = {"response_received": False, "chosen_options": None}
    ask(agent, try_number=2)
    assert len(asked) == 2


def test_an_answer_about_other_code_is_asked_for_again(asked, airflow):
    agent = make_held()
    ask(agent)
    airflow.question = respond("Approve 0123456789ab")
    ask(agent, try_number=2)
    assert len(asked) == 2


def test_who_was_rejected_is_asked_about_anew(asked, airflow):
    agent = make_held()
    ask(agent)
    with pytest.raises(ApprovalRejectedError):
        answer(agent, "Reject")
    fail_agent(agent.ref)
    airflow.question = respond("Reject")
    ask(agent, try_number=2)
    assert len(asked) == 2


def test_nobody_answers(asked):
    agent = make_held()
    ask(agent)
    event = {"error": "The response timeout has passed.", "error_type": "timeout"}
    with pytest.raises(ApprovalTimedOutError, match="72 hours"):
        make_operator().execute_complete(make_context(agent), event)
    assert reload(agent).steps["approve_code"].error.code == "approval_timed_out"


def test_an_answer_after_the_run_failed_does_not_revive_it(asked):
    agent = make_held()
    ask(agent)
    fail_agent(agent.ref)
    with pytest.raises(WrongStateError):
        answer(agent, build_options(agent)[0])
    assert reload(agent).status == AgentStatus.FAILED


def test_without_the_wish_nobody_is_asked(asked):
    agent = store_agent()
    make_operator().execute(make_context(agent))
    assert asked == []
    assert reload(agent).steps["approve_code"].status == StepStatus.SUCCEEDED


def test_code_that_is_not_the_recorded_one_is_not_shown(asked, monkeypatch):
    agent = make_held()
    monkeypatch.setattr("include.approval.read_code", lambda key, version: b"other")
    with pytest.raises(CodeRejectedError):
        make_operator().execute(make_context(agent))
    assert asked == []


def test_deploying_without_the_answer_is_refused(stand_in):
    agent = make_held()
    with pytest.raises(NotApprovedError):
        DeployRuntimeOperator(task_id="deploy_runtime").work(agent, False)


@pytest.mark.parametrize(("required", "skipped"), [(False, ["approve_code"]), (True, None)])
def test_generating_skips_the_approval_that_is_not_required(stand_in, required, skipped):
    agent = store_agent(require_approval=required)
    operator = GenerateCodeOperator(task_id="generate_code")
    operator.get_direct_relatives = lambda: [make_operator(), DeployRuntimeOperator(task_id="x")]
    if skipped is None:
        operator.execute(make_context(agent))
        return
    with pytest.raises(DownstreamTasksSkipped) as skip:
        operator.execute(make_context(agent))
    assert skip.value.tasks == skipped


def hold(agent, redo):
    raise NotReadyError("Wait.", "runtime", {})


def test_time_held_for_a_person_is_not_the_run_s(asked, monkeypatch):
    agent = make_held()
    ask(agent)
    with pytest.raises(NotReadyError):
        run_step(agent.ref, "deploy_runtime", 1, hold)
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    with pytest.raises(DeadlineExceededError, match="30 minutes"):
        remaining_wait_seconds(agent.ref, "deploy_runtime", long_ago)
    monkeypatch.setattr("include.steps.held_seconds", lambda agent: 6_000)
    left = remaining_wait_seconds(agent.ref, "deploy_runtime", long_ago)
    assert 500 < left <= 600


def test_the_question_survives_json(asked):
    ask(make_held(sop=NASTY))
    assert json.loads(json.dumps(asked[0]["body"])) == asked[0]["body"]
    assert approval.REASON.schema["maxLength"] == 500


@pytest.mark.parametrize(("sent", "stored"), [("true", True), ("false", False), (None, False)])
def test_the_wish_is_part_of_the_submission(sign_in, no_airflow, sent, stored):
    alice = sign_in()
    answer = alice.submit(("returns.md", RETURNS), requireApproval=sent)
    assert answer.status_code == 201, answer.text
    assert answer.json["requireApproval"] is stored
    agent = get_agent(alice.user_id, answer.json["agentId"])
    assert agent.require_approval is stored


def test_a_wish_that_is_neither_yes_nor_no_is_refused(sign_in, no_airflow):
    answer = sign_in().submit(("returns.md", RETURNS), requireApproval="perhaps")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["requireApproval"]


def test_a_prepared_submission_keeps_the_wish():
    fields = {**FORM, "requireApproval": True, "files": []}
    assert build_form(PreparedSubmission.model_validate(fields)).require_approval
