"""The records in DynamoDB: what is read back, whose it is, and who may still write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from include import lists, records
from include.aws import client, from_aws
from include.errors import ConflictError, NotFoundError, StaleGenerationError
from include.models import AgentStatus, KnowledgeBaseStatus, Step, StepError, StepStatus
from tests.fakes import knowledge_base_of, make_agent, make_knowledge_base, reload, store_agent

pytestmark = pytest.mark.usefixtures("stand_in")

STEP = Step(status=StepStatus.RUNNING, attempt=1, started_at="2026-01-01T00:00:00.000+00:00")


def test_both_records_come_back_as_they_were_written():
    config = {"rate": 16000, "speed": 1.25, "tags": ["a", 2], "nested": {"on": True, "off": None}}
    agent = store_agent(voice_config=config)
    assert reload(agent) == agent
    assert type(reload(agent).voice_config["rate"]) is int
    assert type(reload(agent).voice_config["nested"]["on"]) is bool
    assert [d.path for d in knowledge_base_of(agent).documents] == ["returns.md"]


def test_an_existing_agent_is_never_overwritten():
    agent = store_agent()
    with pytest.raises(ClientError):
        records.create_agent(agent, make_knowledge_base(make_agent(), {}))
    assert reload(agent) == agent


def test_of_a_refused_transaction_nothing_stays():
    other = store_agent()
    agent = make_agent(knowledge_base_id=other.knowledge_base_id)
    with pytest.raises(ClientError):
        records.create_agent(agent, make_knowledge_base(agent, {}))
    with pytest.raises(NotFoundError):
        reload(agent)


def test_a_foreign_agent_is_no_agent():
    agent = store_agent()
    with pytest.raises(NotFoundError) as foreign:
        records.get_agent("somebody-else", agent.agent_id)
    missing = make_agent()
    with pytest.raises(NotFoundError) as absent:
        records.get_agent("somebody-else", missing.agent_id)
    assert foreign.value.message == absent.value.message.replace(missing.agent_id, agent.agent_id)


def test_lists_hold_own_agents_newest_first():
    stored = [store_agent(user_id="lister", created_at=f"2026-01-0{day}") for day in (2, 3, 1)]
    store_agent()
    records.update_agent(stored[0].ref, status=AgentStatus.ACTIVE)
    listed = lists.list_agents("lister").entries
    assert [a.created_at for a in listed] == ["2026-01-03", "2026-01-02", "2026-01-01"]
    active = lists.list_agents("lister", AgentStatus.ACTIVE).entries
    assert [a.agent_id for a in active] == [stored[0].agent_id]
    assert lists.list_agents("lister", AgentStatus.PAUSED).entries == []


def test_updates_set_and_remove():
    agent = store_agent()
    error = StepError(code="quota_reached", message="Full.")
    records.update_agent(agent.ref, failure=error, failed_step="ensure_knowledge_base")
    assert (reload(agent).failure, reload(agent).failed_step) == (error, "ensure_knowledge_base")
    records.update_agent(agent.ref, failure=None)
    assert (reload(agent).failure, reload(agent).failed_step) == (None, "ensure_knowledge_base")
    assert reload(agent).updated_at >= agent.updated_at


def test_steps_are_stored_side_by_side():
    agent = store_agent()
    records.record_step(agent.ref, "one", STEP)
    records.record_step(agent.ref, "two", STEP, status=AgentStatus.FAILED)
    assert reload(agent).steps == {"one": STEP, "two": STEP}
    assert reload(agent).status == AgentStatus.FAILED


WRITES = {
    "update_agent": lambda ref, agent: records.update_agent(ref, status=AgentStatus.ACTIVE),
    "record_step": lambda ref, agent: records.record_step(
        ref, "s", STEP, status=AgentStatus.ACTIVE
    ),
    "update_knowledge_base": lambda ref, agent: records.update_knowledge_base(
        ref, agent.knowledge_base_id, status=KnowledgeBaseStatus.READY
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_run_of_another_generation_writes_nothing(write):
    agent = store_agent(generation=2)
    before = reload(agent), knowledge_base_of(agent)
    for generation in (1, 3):
        with pytest.raises(StaleGenerationError):
            write(replace(agent.ref, generation=generation), agent)
    assert (reload(agent), knowledge_base_of(agent)) == before
    write(agent.ref, agent)
    assert (reload(agent), knowledge_base_of(agent)) != before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_run_of_a_deleted_agent_writes_nothing(write):
    agent = make_agent()
    with pytest.raises(StaleGenerationError):
        write(agent.ref, agent)
    with pytest.raises(NotFoundError):
        reload(agent)


def test_a_run_may_raise_its_agent_s_generation_and_is_outdated_then():
    agent = store_agent()
    records.update_agent(agent.ref, generation=2)
    assert reload(agent).generation == 2
    with pytest.raises(StaleGenerationError):
        records.update_agent(agent.ref, status=AgentStatus.ACTIVE)


def test_a_passing_conflict_of_transactions_is_no_outdated_run(monkeypatch):
    agent = store_agent()
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    response = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}

    def cancel(**arguments):
        raise ClientError(response, "TransactWriteItems")

    monkeypatch.setattr(client("dynamodb"), "transact_write_items", cancel)
    with pytest.raises(ClientError) as caught:
        WRITES["update_knowledge_base"](agent.ref, agent)
    assert isinstance(from_aws(caught.value), ConflictError)


@pytest.mark.parametrize("generation", [1, 3])
def test_the_current_agent_is_of_the_run_s_generation(generation):
    agent = store_agent(generation=2)
    assert records.get_current_agent(agent.ref) == agent
    with pytest.raises(StaleGenerationError):
        records.get_current_agent(replace(agent.ref, generation=generation))


def test_pending_agents_are_found_until_they_are_sent():
    agent = store_agent()
    assert agent.agent_id in {a.agent_id for a in records.list_open_agents("pending")}
    records.update_agent(agent.ref, dispatch="sent")
    assert agent.agent_id not in {a.agent_id for a in records.list_open_agents("pending")}
