"""What cannot succeed ends at once, with the step, the cause and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.chaos.crowd import Crowd
from tests.chaos.figures import add_row

pytestmark = [pytest.mark.system, pytest.mark.chaos]

COLUMNS = "| what happens | agent | failed step | code | tries | the tenant reads |"
REASON = "Told so by the test"


@dataclass(frozen=True)
class Ending:
    """What the stand-in does, and what must become of the agent."""

    plan: dict[str, Any]
    step: str
    code: str
    says: str


def outcome(ending: str) -> dict[str, Any]:
    """The plan that lets the next resource end so."""
    return {"outcomes": [{"ending": ending, "reason": REASON}]}


def refusal(kind: str, operation: str) -> dict[str, Any]:
    """The plan that lets an operation be refused."""
    return {"rules": [{"kind": kind, "operation": operation}]}


ENDINGS = {
    "ingestion job FAILED": Ending(
        outcome("ingestion_job FAILED"), "ingest_documents", "ingestion_failed", REASON
    ),
    "ingestion job STOPPED": Ending(
        outcome("ingestion_job STOPPED"), "ingest_documents", "ingestion_failed", "STOPPED"
    ),
    "knowledge base FAILED": Ending(
        outcome("knowledge_base FAILED"), "ensure_knowledge_base", "knowledge_base_failed", REASON
    ),
    "runtime CREATE_FAILED": Ending(
        outcome("runtime CREATE_FAILED"), "deploy_runtime", "runtime_failed", REASON
    ),
    "quota of knowledge bases reached": Ending(
        refusal("quota", "CreateKnowledgeBase"), "ensure_knowledge_base", "quota_reached", "quota"
    ),
    "quota of runtimes reached": Ending(
        refusal("quota", "CreateAgentRuntime"), "deploy_runtime", "quota_reached", "quota"
    ),
    "access denied": Ending(
        refusal("access_denied", "CreateKnowledgeBase"),
        "ensure_knowledge_base", "access_denied", "not authorized",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
def test_what_cannot_succeed_fails_at_once_and_says_why(
    stack: Any, steering: Any, name: str
) -> None:
    ending = ENDINGS[name]
    steering.put(*ending.plan.get("rules", []), outcomes=ending.plan.get("outcomes", []))
    crowd = Crowd.submit(stack, 1)
    (agent,) = crowd.wait_until_final(seconds=120)
    attempt = agent["steps"].get(ending.step, {}).get("attempt")
    failure = agent["failure"] or {"code": "", "message": ""}
    add_row(
        "Endings", COLUMNS, name, agent["status"], agent["failedStep"], failure["code"], attempt,
        failure["message"],
    )  # fmt: skip
    assert (agent["status"], agent["failedStep"], failure["code"]) == (
        "failed", ending.step, ending.code
    )  # fmt: skip
    assert ending.says.lower() in failure["message"].lower()
    assert attempt == 1
    assert agent["knowledgeBase"]["status"] == "error"
    steering.clear()
    retried = crowd.tenant.http.post(f"/api/agents/{agent['agentId']}:retry")
    assert retried.status_code == 202, retried.text
    assert crowd.wait_until_final(seconds=120)[0]["status"] == "active"
    twice = {kind for kinds in crowd.find_duplicates().values() for kind in kinds}
    assert twice <= {"runtime_version"}  # a failed one stays beside the one in its place


def test_one_of_ten_documents_failed(stack: Any, steering: Any) -> None:
    steering.put(outcomes=[{"ending": "document FAILED", "name": "*/3.md", "reason": REASON}])
    documents = {f"{n}.md": f"# Rule {n}\n\nRule {n} is to be kept.".encode() for n in range(10)}
    (agent,) = Crowd.submit(stack, 1, documents).wait_until_final(seconds=120)
    by_path = {document["path"]: document for document in agent["knowledgeBase"]["documents"]}
    add_row(
        "Endings", COLUMNS, "1 of 10 documents failed", agent["status"], "", "", 1,
        f"on the document: {by_path['3.md']['reason']}",
    )  # fmt: skip
    assert agent["status"] == "active"
    assert [path for path, each in by_path.items() if each["status"] == "failed"] == ["3.md"]
    assert REASON in by_path["3.md"]["reason"]
