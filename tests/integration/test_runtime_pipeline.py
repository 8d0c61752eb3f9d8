"""The whole way without Airflow: from a POST to an agent that answers, step by step."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from include import records, steps, waits
from include.aws import client
from include.errors import (
    DeadlineExceededError,
    IngestionFailedError,
    NotReadyError,
    QuotaReachedError,
    RefusedByAwsError,
    StaleGenerationError,
)
from include.knowledge.retrieval import retrieve
from include.models import AgentStatus, StepStatus
from include.rehearsal import OPERATIONS
from include.settings import get_settings
from include.steps import fail_agent, remaining_wait_seconds, run_step
from include.waits import is_settled
from oratio.operators.creator import GenerateCodeOperator
from oratio.operators.knowledge import EnsureKnowledgeBaseOperator, IngestDocumentsOperator
from oratio.operators.records import ActivateOperator
from oratio.operators.runtime import DeployRuntimeOperator, VerifyAgentOperator
from tests.fakes import ROOT, knowledge_base_of, reload, store_agent
from tests.receiver import deliver_all, serve_receiver

pytestmark = pytest.mark.usefixtures("no_airflow")

OPERATORS = {
    "ensure_knowledge_base": EnsureKnowledgeBaseOperator,
    "ingest_documents": IngestDocumentsOperator,
    "generate_code": GenerateCodeOperator,
    "deploy_runtime": DeployRuntimeOperator,
    "verify_agent": VerifyAgentOperator,
    "activate": ActivateOperator,
}
SAMPLES = ROOT / "samples"
TORN_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Cat"


def run(agent, name, attempt=1):
    """One step as its operator runs it, with the trigger's waiting in between."""
    work = OPERATORS[name](task_id=name).work
    while True:
        try:
            run_step(agent.ref, name, attempt, work)
            return
        except NotReadyError as pending:
            while not is_settled(pending.probe, pending.ids):
                pass


def create(caller, *files, **changes):
    """Submit and run every step; returns the agent as recorded."""
    answer = caller.submit(*files, **changes)
    assert answer.status_code == 201, answer.json
    agent = records.get_agent(caller.user_id, answer.json["agentId"])
    for name in OPERATORS:
        run(agent, name)
    return reload(agent)


@pytest.mark.parametrize("store", ["managed", "opensearch_serverless"])
def test_every_store_leads_to_an_answer(sign_in, configure, stand_in_url, store):
    collection = "arn:aws:aoss:us-east-1:123456789012:collection/abcdefghij"
    configure(
        KNOWLEDGE_BASE_STORE=store,
        OPENSEARCH_COLLECTION_ARN=collection,
        OPENSEARCH_ENDPOINT=stand_in_url,
    )
    carl = sign_in()
    agent = create(carl, ("hours.md", b"# Hours\n\nThe shop opens at nine and closes at six."))
    answer = carl.ask(agent.agent_id, "When does the shop open?").json
    assert "nine" in answer["answer"]
    assert [c["document"] for c in answer["citations"]] == ["hours.md"]


def test_all_calls_of_a_run_were_rehearsed(stand_in):
    agent, made = store_agent(), set()

    def remember(model, **_event):
        made.add((model.service_model.service_name, model.name))

    clients = {service: client(service) for service in OPERATIONS}
    for ready in clients.values():
        ready.meta.events.register("before-call", remember)
    for name in OPERATORS:
        run(agent, name)
    for ready in clients.values():
        ready.meta.events.unregister("before-call", remember)
    once_an_account = {("s3vectors", "CreateVectorBucket")}
    assert made - once_an_account <= {
        (service, clients[service].meta.method_to_api_mapping[operation])
        for service, operations in OPERATIONS.items()
        for operation in operations
    }
    assert len(made) > 20


def test_an_activation_that_comes_again_is_announced_once(stand_in):
    agent = store_agent()
    for name in OPERATORS:
        run(agent, name)
    run(agent, "activate", attempt=2)  # its task died after the record
    again = reload(agent)
    assert [e.status for e in again.events if e.type == "status"] == ["creating", "active"]
    assert (again.status, again.steps["activate"].attempt) == ("active", 2)
    entries = client("dynamodb").scan(TableName=get_settings().outbox_table)["Items"]
    assert len([e for e in entries if agent.agent_id in e.get("body", {}).get("S", "")]) == 1


def test_from_a_post_to_an_answer(sign_in):
    alice = sign_in()
    folder = SAMPLES / "documents" / "policies"
    files = [(f"policies/{path.name}", path.read_bytes()) for path in sorted(folder.iterdir())]
    agent = create(
        alice,
        *files,
        sop=(SAMPLES / "sop.md").read_text(),
        agentType="both",
        voiceConfig='{"voice": "matthew", "sampleRate": 16000, "speed": 1.25}',
    )
    shown = alice.get(f"/api/agents/{agent.agent_id}").json
    assert (shown["status"], shown["failure"]) == ("active", None)
    assert shown["knowledgeBase"]["status"] == "ready"
    assert {d["status"] for d in shown["knowledgeBase"]["documents"]} == {"indexed"}
    assert {name: step["status"] for name, step in shown["steps"].items()} == dict.fromkeys(
        OPERATORS, "succeeded"
    )
    assert shown["apiEndpoint"].endswith(f"/agents/{agent.agent_id}/chat")
    assert shown["websocketUrl"].startswith("ws")
    assert shown["voiceConfig"] == {"voice": "matthew", "sampleRate": 16000, "speed": 1.25}

    answer = alice.ask(agent.agent_id, "How many days do I have to return a bicycle?")
    assert answer.status_code == 200
    assert answer.json["citations"][0]["document"] == "policies/returns.md"
    assert answer.json["sessionId"]
    assert answer.json["handoff"] is None


def test_an_agent_hands_over_and_keeps_a_conversation_apart(sign_in):
    alice = sign_in()
    agent = create(alice, ("returns.md", b"Bicycles may be returned within 30 days."))
    answer = alice.ask(agent.agent_id, "I want to speak to a human", sessionId="conversation-1")
    assert answer.json["handoff"]["summary"]
    assert answer.json["sessionId"] == "conversation-1"
    answer = alice.ask(agent.agent_id, "How many days do I have to return a bicycle?")
    assert "30 days" in answer.json["answer"]


def test_a_conversation_that_is_handed_over_is_told_once(empty_stand_in, sign_in, configure):
    """From the question to the tenant's own service, which fails twice."""
    configure(
        WEBHOOK_DEVELOPMENT="true",
        WEBHOOK_POLL_SECONDS="0.02",
        WEBHOOK_RETRY_FIRST_SECONDS="0.05",
    )
    alice = sign_in()
    agent = create(alice, ("returns.md", b"Bicycles may be returned within 30 days."))
    deliver_all()  # that it is active interests nobody
    with serve_receiver() as receiver:
        body = {"url": receiver.url, "events": ["handoff.created"]}
        webhook = alice.http.post("/api/webhooks", json=body, headers=alice.headers).json
        receiver.statuses = [500, 503]
        for message in ("How long may I return a bicycle?", "I want to speak to a human"):
            alice.ask(agent.agent_id, message, sessionId="conversation-1")
        alice.ask(agent.agent_id, "Let me speak to a human", sessionId="conversation-1")
        deliver_all()
    (handoff,) = alice.get("/api/handoffs?status=open").json
    shown = alice.get(f"/api/handoffs/{handoff['handoffId']}").json
    assert [turn["question"] for turn in shown["transcript"]][1] == "I want to speak to a human"
    assert shown["transcript"][0]["citations"][0]["document"] == "returns.md"

    assert receiver.answered == [500, 503, 204]
    assert {headers["webhook-id"] for headers, _ in receiver.requests} == {
        delivery["eventId"]
        for delivery in alice.get(f"/api/webhooks/{webhook['webhookId']}/deliveries").json
    }
    told = json.loads(receiver.requests[-1][1])
    assert told["data"]["handoffId"] == handoff["handoffId"]
    path = f"/api/agents/{agent.agent_id}/sessions/{handoff['sessionKey']}"
    assert alice.get(path).json["handoffStatus"] == "open"


def test_each_tenant_gets_its_own_answer_and_a_third_gets_none(sign_in):
    alice, bob, carol = sign_in(), sign_in(), sign_in()
    own = {
        "30 days": create(alice, ("rules.md", b"Bicycles may be returned within 30 days.")),
        "7 days": create(bob, ("rules.md", b"Bicycles may be returned within 7 days.")),
    }
    question = "Within how many days may bicycles be returned?"
    for caller, (days, agent) in zip((alice, bob), own.items(), strict=True):
        [other] = own.keys() - {days}
        answer = caller.ask(agent.agent_id, question).json
        assert days in answer["answer"]
        assert other not in answer["answer"]
        assert [c["document"] for c in answer["citations"]] == ["rules.md"]
        found = retrieve(agent.bedrock_knowledge_base_arn.rpartition("/")[2], question)
        assert days in found[0].text
        assert other not in " ".join(passage.text for passage in found)
    strangers = [(carol, agent) for agent in own.values()]
    strangers += [(bob, own["30 days"]), (alice, own["7 days"])]
    for caller, agent in strangers:
        assert caller.ask(agent.agent_id, question).status_code == 404
        assert caller.get(f"/api/agents/{agent.agent_id}").status_code == 404


def test_every_step_may_run_twice(sign_in):
    alice = sign_in()
    agent = create(alice, ("returns.md", b"Bicycles may be returned within 30 days."))
    code = (agent.agent_code_s3_version, agent.agentcore_agent_version, agent.agentcore_agent_id)
    for name in OPERATORS:
        run(agent, name, attempt=2)
    again = reload(agent)
    assert again.status == "active"
    assert code == (
        again.agent_code_s3_version,
        again.agentcore_agent_version,
        again.agentcore_agent_id,
    )
    assert again.steps["activate"].attempt == 2


def test_a_failure_is_shown_and_a_cleared_run_heals_it(sign_in):
    alice = sign_in()
    answer = alice.submit(("torn.pdf", TORN_PDF))
    agent = records.get_agent(alice.user_id, answer.json["agentId"])
    run(agent, "ensure_knowledge_base")
    with pytest.raises(IngestionFailedError):
        run(agent, "ingest_documents")
    fail_agent(agent.ref)
    shown = alice.get(f"/api/agents/{agent.agent_id}").json
    assert (shown["status"], shown["failedStep"]) == ("failed", "ingest_documents")
    assert shown["failure"]["code"] == "ingestion_failed"
    assert "torn.pdf" in shown["failure"]["message"]
    assert shown["knowledgeBase"]["status"] == "error"
    assert "failed" in alice.ask(agent.agent_id, "Hi").json["detail"]

    key = f"{agent.user_id}/{agent.agent_id}/torn.pdf"
    mended = (SAMPLES / "documents" / "products" / "heron-touring.pdf").read_bytes()
    client("s3").put_object(Bucket="oratio-knowledge-bases", Key=key, Body=mended)
    for name in list(OPERATORS)[1:]:
        run(agent, name, attempt=2)
    shown = alice.get(f"/api/agents/{agent.agent_id}").json
    assert (shown["status"], shown["failure"], shown["failedStep"]) == ("active", None, None)
    assert shown["knowledgeBase"]["status"] == "ready"


def test_a_late_failure_healed_by_clearing_that_step_leaves_nothing_red(sign_in):
    alice = sign_in()
    agent = create(alice, ("returns.md", b"Bicycles may be returned within 30 days."))
    records.update_agent(agent.ref, status="creating")
    with pytest.raises(QuotaReachedError):
        run_step(agent.ref, "verify_agent", 1, refuse)
    fail_agent(agent.ref)
    assert knowledge_base_of(agent).status == "error"
    run(agent, "verify_agent", attempt=2)
    assert reload(agent).status == "creating"
    run(agent, "activate")
    assert reload(agent).status == "active"
    assert knowledge_base_of(agent).status == "ready"


def refuse(agent, redo):
    raise QuotaReachedError("Full.")


@pytest.fixture
def agent(stand_in):
    return store_agent()


def test_a_step_s_protocol(agent):
    seen = []

    def work(current, redo):
        seen.append((reload(agent).steps["s"].status, redo))

    run_step(agent.ref, "s", 1, work)
    step = reload(agent).steps["s"]
    assert seen == [("running", False)]
    assert (step.status, step.attempt, step.error) == ("succeeded", 1, None)
    assert step.started_at <= step.ended_at


def test_only_a_failed_try_asks_for_a_redo(agent):
    seen = []
    with pytest.raises(QuotaReachedError):
        run_step(agent.ref, "s", 1, refuse)
    assert reload(agent).steps["s"].error.message == "Full."
    for attempt in (2, 3):
        run_step(agent.ref, "s", attempt, lambda current, redo: seen.append(redo))
    assert seen == [True, False]


def test_what_settles_within_moments_is_never_recorded_as_a_wait(agent, configure, monkeypatch):
    configure(WAIT_INLINE_SECONDS=60)
    monkeypatch.setattr(waits, "PROBES", {"runtime": lambda id: True})
    seen = []

    def work(current, redo):
        seen.append(current.agent_name)
        if len(seen) == 1:
            records.update_agent(agent.ref, agent_name="Changed meanwhile")
            raise NotReadyError("Runtime is CREATING.", "runtime", {"id": "r1"})

    run_step(agent.ref, "s", 1, work)
    assert seen == [agent.agent_name, "Changed meanwhile"]
    assert [e.status for e in reload(agent).events if e.step == "s"] == ["running", "succeeded"]


def test_aws_s_errors_become_ours_on_the_record(agent):
    with pytest.raises(RefusedByAwsError) as caught:
        run_step(agent.ref, "s", 1, lambda *_: client("s3").get_object(Bucket="x", Key="", Foo=1))
    assert reload(agent).steps["s"].error.code == "refused_by_aws"
    assert caught.value.__cause__ is not None


def test_a_bug_s_text_stays_off_the_record(agent):
    def work(current, redo):
        raise ValueError("arn:aws:secret")

    with pytest.raises(ValueError, match="secret"):
        run_step(agent.ref, "s", 1, work)
    assert reload(agent).steps["s"].error == steps.INTERNAL_ERROR
    assert fail_agent(agent.ref) == steps.INTERNAL_ERROR
    assert reload(agent).failed_step == "s"


def test_a_failure_cut_short_is_recorded_whole_the_next_time(faults, sign_in):
    agent = create(sign_in(), ("returns.md", b"Bicycles may be returned within 30 days."))
    records.update_agent(agent.ref, status="creating", dispatch="sent")
    refused = {"kind": "access_denied", "service": "dynamodb", "count": 1}
    for table in ("oratio-knowledgebases", "oratio-outbox"):  # the first write, then the last
        faults.put(refused | {"operation": "TransactWriteItems", "match": table})
        with pytest.raises(ClientError):
            fail_agent(agent.ref)
    fail_agent(agent.ref)
    assert (reload(agent).status, knowledge_base_of(agent).status) == ("failed", "error")


RUN_STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def wait(current, redo):
    raise NotReadyError("Not yet.", "runtime", {"id": "r"})


def test_a_wait_keeps_its_start_and_has_an_end(agent, configure, monkeypatch):
    monkeypatch.setattr(steps, "now", lambda: "2026-01-01T00:00:00.000+00:00")
    configure(WAIT_TIMEOUT_SECONDS=100)
    for _ in range(2):
        with pytest.raises(NotReadyError):
            run_step(agent.ref, "s", 1, wait)
        monkeypatch.setattr(steps, "now", lambda: "2026-01-01T00:01:00.000+00:00")
    step = reload(agent).steps["s"]
    assert (step.status, step.started_at) == ("waiting", "2026-01-01T00:00:00.000+00:00")
    assert remaining_wait_seconds(agent.ref, "s", RUN_STARTED_AT) == 40
    monkeypatch.setattr(steps, "now", lambda: "2026-01-01T00:01:40.000+00:00")
    with pytest.raises(DeadlineExceededError, match="s waited"):
        remaining_wait_seconds(agent.ref, "s", RUN_STARTED_AT)


def test_an_outdated_run_does_nothing_and_records_nothing(agent):
    before = reload(agent)
    calls = []
    with pytest.raises(StaleGenerationError):
        run_step(replace(agent.ref, generation=2), "s", 1, lambda *given: calls.append(given))
    assert (calls, reload(agent)) == ([], before)
    with pytest.raises(StaleGenerationError):
        fail_agent(replace(agent.ref, generation=2))
    assert reload(agent) == before


def test_a_run_outdated_while_it_works_cannot_end_its_step(agent):
    def outdate(current, redo):
        records.update_agent(current.ref, generation=2)

    with pytest.raises(StaleGenerationError):
        run_step(agent.ref, "s", 1, outdate)
    assert reload(agent).steps["s"].status == StepStatus.RUNNING


def test_a_failed_re_run_does_not_take_a_serving_agent_away(agent):
    records.update_agent(agent.ref, status="active")
    records.update_knowledge_base(agent.ref, agent.knowledge_base_id, status="ready")
    with pytest.raises(QuotaReachedError):
        run_step(agent.ref, "s", 1, refuse)
    assert fail_agent(agent.ref).code == "quota_reached"
    assert (reload(agent).status, knowledge_base_of(agent).status) == ("active", "ready")


def test_a_new_try_takes_a_failed_agent_back_into_creation(agent):
    with pytest.raises(QuotaReachedError):
        run_step(agent.ref, "s", 1, refuse)
    fail_agent(agent.ref)
    assert reload(agent).status == "failed"
    run_step(agent.ref, "s", 2, lambda *_: None)
    assert reload(agent).status == "creating"


def test_a_run_of_a_paused_agent_leaves_it_paused(sign_in):
    agent = create(sign_in(), ("hours.md", b"# Hours\n\nThe shop opens at nine."))
    records.update_agent(agent.ref, status=AgentStatus.PAUSED)
    run(agent, "activate")
    assert reload(agent).status == AgentStatus.PAUSED
