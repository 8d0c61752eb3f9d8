"""The whole way without Airflow: from a POST to an agent that answers, step by step."""

from __future__ import annotations

import json

import pytest

from include import records
from include.aws import client
from include.errors import IngestionFailedError
from include.knowledge.retrieval import retrieve
from include.models import AgentStatus
from include.rehearsal import OPERATIONS
from include.settings import get_settings
from include.steps import fail_agent
from tests.creation import OPERATORS, create, run
from tests.fakes import ROOT, reload, store_agent
from tests.receiver import deliver_all, serve_receiver

pytestmark = pytest.mark.usefixtures("no_airflow")

SAMPLES = ROOT / "samples"
TORN_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Cat"


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


def test_a_run_of_a_paused_agent_leaves_it_paused(sign_in):
    agent = create(sign_in(), ("hours.md", b"# Hours\n\nThe shop opens at nine."))
    records.update_agent(agent.ref, status=AgentStatus.PAUSED)
    run(agent, "activate")
    assert reload(agent).status == AgentStatus.PAUSED
