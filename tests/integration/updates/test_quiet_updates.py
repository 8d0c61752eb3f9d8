"""A changed agent is updated by itself, once its tenant leaves it alone."""

from __future__ import annotations

from api import documents as api_documents
from include import updates
from include.aws import client
from include.items import read
from include.updates import start_quiet_updates
from tests.fakes import knowledge_base_of, reload, store_agent
from tests.updating import NEW_SOP, UPDATE, begin, patch, put, rewind, run, update


def test_a_changed_agent_is_updated_once_it_is_left_alone(alice, agent, airflow):
    patch(alice, agent, sop=NEW_SOP)
    start_quiet_updates()
    assert reload(agent).generation == 1
    rewind(agent)
    assert start_quiet_updates() >= 1
    begun = reload(agent)
    assert (begun.generation, begun.dispatch, begun.pipeline) == (2, "sent", "update_agent")
    assert airflow.conf_of(begun.ref)


def test_updates_only_on_request(alice, agent, configure):
    patch(alice, agent, sop=NEW_SOP)
    rewind(agent)
    configure(UPDATE_QUIET_SECONDS=0)
    assert start_quiet_updates() == 0
    assert reload(agent).generation == 1


def test_an_update_airflow_does_not_take_is_dispatched_later(alice, agent, airflow, monkeypatch):
    patch(alice, agent, sop=NEW_SOP)
    rewind(agent)
    airflow.status = 503
    start_quiet_updates()
    assert (reload(agent).generation, reload(agent).dispatch) == (2, "pending")


def test_one_agent_s_trouble_does_not_stop_the_others(alice, agent, monkeypatch):
    other = store_agent(user_id=alice.user_id, status="active")
    for each in (other, agent):
        patch(alice, each, sop=NEW_SOP)
        rewind(each)

    def refuse(current):
        if current.agent_id == other.agent_id:
            raise RuntimeError
        return build(current)

    build = updates.build_update
    monkeypatch.setattr(updates, "build_update", refuse)
    start_quiet_updates()
    assert (reload(other).generation, reload(agent).generation) == (1, 2)


def test_a_file_that_arrives_after_the_run_began_is_due_afterwards(alice, agent, monkeypatch):
    publish = api_documents.publish

    def publish_late(ref, paths):
        begin(alice, agent)
        run(agent, "ingest_documents")  # without the file
        publish(ref, paths)

    monkeypatch.setattr(api_documents, "publish", publish_late)
    put(alice, agent, "late.md", b"# Late\n\nBetter late than never.")
    for name in list(UPDATE)[1:]:
        run(agent, name)
    left = reload(agent)
    assert (left.dispatch, bool(left.update_requested_at)) == ("quiet", True)
    monkeypatch.undo()
    update(alice, agent)
    statuses = {d.path: d.status for d in knowledge_base_of(agent).documents}
    assert statuses["late.md"] == "indexed"


def test_quiet_agents_are_found_by_an_index(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    answer = client("dynamodb").query(
        TableName="oratio-agents",
        IndexName="open-runs-index",
        KeyConditionExpression="dispatch = :quiet",
        ExpressionAttributeValues={":quiet": {"S": "quiet"}},
    )
    assert agent.agent_id in [read(item)["agentId"] for item in answer["Items"]]
