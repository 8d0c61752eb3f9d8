"""The way back to an earlier version, and forward again."""

from __future__ import annotations

import pytest

from include.errors import VerificationFailedError
from include.runtime import verify
from include.steps import fail_agent
from oratio.operators.runtime import VerifyAgentOperator
from oratio.operators.versions import PromoteVersionOperator, RecordVersionOperator
from tests.fakes import reload
from tests.tenant import call
from tests.updating import (
    NEW_SOP,
    begin,
    live_version,
    made_versions,
    patch,
    read_config,
    run,
    show,
    update,
)

ROLLBACK = {
    "promote_version": PromoteVersionOperator,
    "verify_version": VerifyAgentOperator,
    "record_version": RecordVersionOperator,
}


def roll_back(caller, agent, **body):
    begin(caller, agent, "rollback", **({"json": body} if body else {}))
    for name in ROLLBACK:
        run(agent, name, ROLLBACK)
    return reload(agent)


def test_rollback_and_what_follows(alice, agent, airflow):
    patch(alice, agent, sop=NEW_SOP)
    update(alice, agent)
    begun = begin(alice, agent, "rollback")
    assert (begun.pipeline, begun.status) == ("rollback_agent", "active")
    assert airflow.conf_of(begun.ref)["generation"] == 3
    for name in ROLLBACK:
        run(agent, name, ROLLBACK)
    back = reload(agent)
    assert (back.agentcore_agent_version, live_version(agent)) == ("1", "1")
    assert back.generated_prompt == agent.generated_prompt
    assert back.agent_code_sha256 == agent.agent_code_sha256
    assert read_config(agent)["sop"] == agent.sop
    assert (back.sop, bool(back.update_requested_at), back.dispatch) == (NEW_SOP, True, None)
    listed = call(alice, "GET", agent, "/versions").json
    assert [(v["version"], v["isServing"]) for v in listed] == [("2", False), ("1", True)]
    again = update(alice, agent)
    assert (again.agentcore_agent_version, live_version(agent)) == ("3", "3")


def test_rollback_to_a_named_version_and_forward(alice, agent):
    for number in range(2):
        patch(alice, agent, sop=f"{NEW_SOP} {number}")
        update(alice, agent)
    assert roll_back(alice, agent, version="1").agentcore_agent_version == "1"
    assert roll_back(alice, agent, version="3").agentcore_agent_version == "3"
    assert roll_back(alice, agent).agentcore_agent_version == "2"
    assert made_versions(agent) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"version": "9"}, 422, "invalid_input"),
        ({"version": "x"}, 422, "invalid_input"),
        ({"to": "1"}, 422, "invalid_input"),
        ({"version": "1"}, 409, "wrong_state"),
    ],
)
def test_a_bad_rollback_is_named(alice, agent, body, status, code):
    answer = call(alice, "POST", agent, ":rollback", json=body)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert reload(agent).generation == 1


def test_a_rollback_that_does_not_pass_is_taken_back(alice, agent, monkeypatch):
    patch(alice, agent, sop=NEW_SOP)
    update(alice, agent)
    begin(alice, agent, "rollback")
    run(agent, "promote_version", ROLLBACK)
    assert live_version(agent) == "1"
    silent = {"answer": "Trust me.", "citations": []}
    with monkeypatch.context() as patched:
        patched.setattr(verify, "invoke_agent", lambda *_: silent)
        with pytest.raises(VerificationFailedError):
            run(agent, "verify_version", ROLLBACK)
    fail_agent(reload(agent).ref)
    shown = show(alice, agent)
    assert (shown["version"], live_version(agent)) == ("2", "2")
    assert shown["updateFailure"]["pipeline"] == "rollback_agent"
