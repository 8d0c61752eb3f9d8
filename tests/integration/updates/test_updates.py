"""Updating a serving agent, step by step without Airflow: what changes, when, and what must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include import lifecycle, records
from include.errors import NotReadyError, StaleGenerationError
from include.steps import run_step
from oratio.operators.versions import DeployVersionOperator, PromoteVersionOperator
from tests.fakes import knowledge_base_of, reload, store_agent
from tests.tenant import call
from tests.updating import (
    NEW_SOP,
    UPDATE,
    begin,
    jobs_of,
    live_version,
    made_versions,
    patch,
    put,
    read_config,
    read_manifest,
    run,
    show,
    update,
)

ENDPOINT = "bedrock-agentcore::endpoint"


def require_wrong_state(answer):
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state"), answer.json


def test_a_new_sop_is_a_new_version(alice, agent, airflow):
    patch(alice, agent, sop=NEW_SOP, agentName="Night desk")
    begun = begin(alice, agent)
    assert airflow.conf_of(begun.ref) == {
        "user_id": agent.user_id,
        "agent_id": agent.agent_id,
        "generation": 2,
        "turn": 0,
    }
    assert (begun.status, begun.pipeline, begun.generation) == ("active", "update_agent", 2)
    for name in UPDATE:
        run(agent, name)
        assert live_version(agent) == ("1" if name in list(UPDATE)[:4] else "2")
    updated = reload(agent)
    assert (updated.agentcore_agent_version, updated.agent_code_generation) == ("2", 2)
    assert updated.generated_prompt != agent.generated_prompt
    assert read_config(agent)["sop"] == NEW_SOP
    shown = show(alice, agent)
    assert (shown["status"], shown["version"], shown["runningPipeline"]) == ("active", "2", None)
    assert shown["updateRequestedAt"] is None
    assert jobs_of(agent)[0]["description"].endswith("-g1")  # the documents were left alone


def test_until_the_end_the_record_tells_of_what_serves(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    begin(alice, agent)
    for name in list(UPDATE)[:-1]:
        run(agent, name)
        current = reload(agent)
        for attribute in ("agentcore_agent_version", "agent_code_sha256", "generated_prompt"):
            assert getattr(current, attribute) == getattr(agent, attribute)
        assert read_config(agent)["sop"] == agent.sop
        assert show(alice, agent)["runningPipeline"] == "update_agent"
        assert alice.ask(agent.agent_id, "When does the shop open?").status_code == 200


def test_changed_documents_are_indexed_without_a_new_version(alice, agent):
    put(alice, agent, "hours.md", b"# Hours\n\nThe shop opens at eleven and closes at six.")
    put(alice, agent, "parking.md", b"# Parking\n\nCars park for free behind the old mill.")
    assert call(alice, "DELETE", agent, "/documents/returns.md").status_code == 204
    updated = update(alice, agent)
    assert (updated.agentcore_agent_version, made_versions(agent)) == ("1", ["1"])
    base = show(alice, agent)["knowledgeBase"]
    assert base["documentsChangedAt"] is None
    assert {d["path"]: d["status"] for d in base["documents"]} == {
        "hours.md": "indexed",
        "parking.md": "indexed",
    }
    [job, _] = jobs_of(agent)
    statistics = job["statistics"]
    assert statistics["numberOfNewDocumentsIndexed"] == 1
    assert statistics["numberOfModifiedDocumentsIndexed"] == 1
    assert statistics["numberOfDocumentsDeleted"] == 1
    assert "eleven" in alice.ask(agent.agent_id, "When does the shop open?").json["answer"]
    parking = alice.ask(agent.agent_id, "Where can cars park?").json
    assert [c["document"] for c in parking["citations"]] == ["parking.md"]
    returns = alice.ask(agent.agent_id, "How many days to return a bicycle?").json
    assert "returns.md" not in [c["document"] for c in returns["citations"]]
    [version] = updated.versions
    paths = {document["path"] for document in read_manifest(version)["documents"]}
    assert paths == {"hours.md", "parking.md"}


def test_nothing_to_do_is_refused(alice, agent):
    require_wrong_state(call(alice, "POST", agent, ":update"))
    require_wrong_state(call(alice, "POST", agent, ":rollback"))
    assert reload(agent).generation == 1


def test_only_serving_agents_are_updated(alice):
    agent = store_agent(user_id=alice.user_id)
    for verb in (":update", ":rollback"):
        require_wrong_state(call(alice, "POST", agent, verb))


def test_a_paused_agent_is_updated_and_stays_paused(alice, agent):
    patch(alice, agent, sop=NEW_SOP, status="paused")
    assert (update(alice, agent).status, live_version(agent)) == ("paused", "2")


def test_one_key_starts_one_update(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    headers = alice.headers | {"Idempotency-Key": "k"}
    path = f"/api/agents/{agent.agent_id}:update"
    first = alice.http.post(path, headers=headers)
    assert first.status_code == 202
    assert alice.http.post(path, headers=headers).json == first.json
    assert reload(agent).generation == 2
    require_wrong_state(alice.http.post(path, headers=alice.headers))


def test_while_an_update_runs_nothing_changes_under_it(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    begin(alice, agent)
    require_wrong_state(call(alice, "PATCH", agent, json={"sop": agent.sop}))
    require_wrong_state(call(alice, "PUT", agent, "/documents/a.md", data=b"x"))
    require_wrong_state(call(alice, "DELETE", agent, "/documents/hours.md"))
    assert patch(alice, agent, status="paused")["status"] == "paused"
    assert reload(agent).sop == NEW_SOP


def test_every_step_may_run_twice(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    put(alice, agent, "more.md", b"# More\n\nThere is more.")
    begin(alice, agent)
    for name in UPDATE:
        run(agent, name)
        run(agent, name)
    assert (made_versions(agent), len(jobs_of(agent))) == (["1", "2"], 2)
    assert [v.version for v in reload(agent).versions] == ["1", "2"]
    assert not reload(agent).has_run


def test_the_old_version_is_not_asked_in_the_new_one_s_place(alice, agent, stand_in):
    patch(alice, agent, sop=NEW_SOP)
    begin(alice, agent)
    run(agent, "generate_code")
    stand_in.set_polls(ENDPOINT, 3)
    work = DeployVersionOperator(task_id="deploy_version").work
    with pytest.raises(NotReadyError) as pending:
        run_step(reload(agent).ref, "deploy_version", 1, work)
    assert pending.value.ids["name"] == "DEFAULT"
    run(agent, "deploy_version")
    assert live_version(agent, "DEFAULT") == "2"


def test_an_outdated_update_changes_nothing(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    begun = begin(alice, agent)
    lifecycle.delete_agent(begun, knowledge_base_of(agent))
    work = PromoteVersionOperator(task_id="promote_version").work
    with pytest.raises(StaleGenerationError):
        run_step(begun.ref, "promote_version", 1, work)
    assert live_version(agent) == "1"


def test_another_tenant_s_agent_is_not_there(sign_in, alice, agent):
    mallory = sign_in()
    for verb, path in (("POST", ":update"), ("POST", ":rollback"), ("GET", "/versions")):
        assert call(mallory, verb, agent, path).status_code == 404


def test_a_late_word_that_the_run_was_sent_does_not_open_it_again(alice, agent):
    records.record_dispatch(agent.ref)
    assert reload(agent).dispatch is None
    with pytest.raises(StaleGenerationError):
        records.record_dispatch(replace(agent.ref, generation=7))
