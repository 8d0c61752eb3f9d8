"""Stand-ins for what lies outside the code under test, and records to feed it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from botocore.exceptions import ClientError

from include import documents, records
from include.aws import client
from include.errors import NotReadyError
from include.events import with_first_event
from include.models import Agent, AgentType, DispatchStatus, Document, KnowledgeBase
from include.naming import INCOMING_PREFIX, STAGING_PREFIX, document_uri
from include.settings import get_settings
from include.steps import Work, run_step
from include.waits import is_settled

ROOT = Path(__file__).parents[1]
STACK = "oratio"
RETURNS = (
    b"# Returns\n\nBicycles may be returned within 30 days of delivery. The customer pays for the "
    b"transport of a returned bicycle. Electric bicycles go back to the workshop in Larkbridge.\n"
)
SOP = """# SOP: Customer desk

## Procedure
1. Look the answer up in the documents.
2. Give the answer first, then the reason.

## Never
- Promise a refund.

## Hand over to a person
- When the customer was hurt.
"""


@dataclass
class StandIn:
    """The AWS stand-in over its control interface."""

    url: str
    transitions: list[str] = field(default_factory=list)

    def apply_template(self) -> None:
        """Create tables, buckets and roles unless they exist."""
        cloudformation = client("cloudformation")
        try:
            cloudformation.describe_stacks(StackName=STACK)
        except ClientError:
            cloudformation.create_stack(
                StackName=STACK,
                TemplateBody=(ROOT / "infra" / "template.yaml").read_text(),
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )

    def reset(self) -> None:
        """Forget everything, then apply the template again."""
        requests.post(f"{self.url}/moto-api/reset", timeout=10).raise_for_status()
        self.apply_template()

    def set_polls(self, model: str, polls: int) -> None:
        """Let resources of this kind change state only after `polls` looks at them."""
        self.transitions.append(model)
        transition = {"progression": "manual", "times": polls}
        self.control("set-transition", {"model_name": model, "transition": transition})

    def unset_transitions(self) -> None:
        """Let all resources change state at once again."""
        for model in self.transitions:
            self.control("unset-transition", {"model_name": model})

    def control(self, command: str, body: dict[str, Any]) -> None:
        """Call moto's state manager."""
        address = f"{self.url}/moto-api/state-manager/{command}"
        requests.post(address, json=body, timeout=10).raise_for_status()


def make_agent(**changes: Any) -> Agent:
    """An agent as POST /api/agents records it, with ids of its own."""
    fields: dict[str, Any] = {
        "user_id": f"user-{uuid4().hex[:8]}",
        "agent_id": str(uuid4()),
        "agent_name": "Desk",
        "agent_type": AgentType.TEXT,
        "sop": SOP,
        "knowledge_base_id": str(uuid4()),
        "knowledge_base_description": "Use it for returns of bicycles.",
        "human_handoff_description": "Hand over when somebody was hurt.",
        # One that serves or has failed has no run.
        "dispatch": DispatchStatus.PENDING if "status" not in changes else None,
    }
    return Agent(**fields | changes)


def make_knowledge_base(agent: Agent, files: Mapping[str, bytes]) -> KnowledgeBase:
    """The record of an agent's documents."""
    return KnowledgeBase(
        knowledge_base_id=agent.knowledge_base_id,
        user_id=agent.user_id,
        agent_id=agent.agent_id,
        s3_path=document_uri(get_settings(), agent.ref),
        documents=[Document(path=path, size_bytes=len(body)) for path, body in files.items()],
    )


def store_agent(files: Mapping[str, bytes] | None = None, **changes: Any) -> Agent:
    """An agent in DynamoDB with its documents in S3."""
    files = {"returns.md": RETURNS} if files is None else files
    agent = make_agent(**changes)
    for path, body in files.items():
        documents.put_document(agent.ref, path, BytesIO(body))
    records.create_agent(agent, make_knowledge_base(agent, files))
    return with_first_event(agent)


def reload(agent: Agent) -> Agent:
    """The agent as it is recorded now."""
    return records.get_agent(agent.user_id, agent.agent_id)


def knowledge_base_of(agent: Agent) -> KnowledgeBase:
    """The record of its knowledge base as it is now."""
    return records.get_knowledge_base(agent.knowledge_base_id)


def list_keys(bucket: str, prefix: str = "") -> list[str]:
    """Keys of all versions and delete markers below a prefix."""
    answer = client("s3").list_object_versions(Bucket=bucket, Prefix=prefix)
    found = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
    return sorted(item["Key"] for item in found)


def list_staged(user_id: str) -> list[str]:
    """Keys of all a user has on its way in: staged, noted, and unfinished multipart uploads."""
    bucket = get_settings().kb_bucket
    prefixes = tuple(f"{place}{user_id}/" for place in (STAGING_PREFIX, INCOMING_PREFIX, ""))
    uploads = client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    unfinished = [upload["Key"] for upload in uploads if upload["Key"].startswith(prefixes)]
    return [key for prefix in prefixes[:2] for key in list_keys(bucket, prefix)] + unfinished


def run(agent: Agent, name: str, work: Work, attempt: int = 1) -> Agent:
    """Run one step as its operator does; returns the agent as recorded afterwards."""
    run_step(agent.ref, name, attempt, work)
    return reload(agent)


def settle(agent: Agent, work: Callable[[Agent], None]) -> None:
    """Do a step's work, waiting as the trigger does."""
    while True:
        try:
            return work(reload(agent))
        except NotReadyError as pending:
            while not is_settled(pending.probe, pending.ids):
                pass


class CrashError(Exception):
    """The process ended here, as far as the test is concerned."""


class CrashOnce:
    """Wraps a function: the first call that matches is lost, later ones go through."""

    def __init__(self, function: Any, **wanted: Any) -> None:
        self.function = function
        self.wanted = wanted.keys()
        self.has_crashed = False

    def __call__(self, *arguments: Any, **attributes: Any) -> Any:
        if not self.has_crashed and self.wanted <= attributes.keys():
            self.has_crashed = True
            raise CrashError
        return self.function(*arguments, **attributes)


FORM = {
    "agentName": "Customer desk",
    "agentType": "text",
    "sop": SOP,
    "knowledgeBaseDescription": "Use it for returns of bicycles.",
    "humanHandoffDescription": "Hand over when somebody was hurt.",
}


@dataclass
class Caller:
    """One user of the intake API, over Flask's test client."""

    http: Any
    user_id: str
    headers: dict[str, str]

    def get(self, path: str) -> Any:
        """GET as this user."""
        return self.http.get(path, headers=self.headers)

    def submit(self, *files: tuple[str, bytes], **changes: Any) -> Any:
        """POST a complete submission with these changes; None leaves a field out."""
        fields: dict[str, Any] = {k: v for k, v in (FORM | changes).items() if v is not None}
        fields["files"] = [(BytesIO(body), name) for name, body in files]
        return self.http.post("/api/agents", data=fields, headers=self.headers)

    def ask(self, agent_id: str, message: str, **more: Any) -> Any:
        """POST one message to an agent."""
        path = f"/api/agents/{agent_id}/chat"
        return self.http.post(path, json={"message": message, **more}, headers=self.headers)


def list_traces(agent: Agent) -> list[str]:
    """Whatever AWS holds of an agent, looked for by name and prefix."""
    pages = client("bedrock-agentcore-control").get_paginator("list_agent_runtimes").paginate()
    runtimes = [r["agentRuntimeName"] for page in pages for r in page["agentRuntimes"]]
    bedrock = client("bedrock-agent").get_paginator("list_knowledge_bases").paginate()
    bases = [b["name"] for page in bedrock for b in page["knowledgeBaseSummaries"]]
    settings, prefix = get_settings(), f"{agent.user_id}/{agent.agent_id}/"
    names = [*runtimes, *bases, *list_index_names()]
    ours = [n for n in names if n.replace("-", "").endswith(agent.agent_id.replace("-", ""))]
    keys = [*list_keys(settings.kb_bucket, prefix), *list_keys(settings.code_bucket, prefix)]
    return ours + keys + list_keys(settings.kb_bucket, STAGING_PREFIX + prefix)


def list_index_names() -> list[str]:
    """Names of all vector indexes; none while the bucket has not been made."""
    try:
        answer = client("s3vectors").list_indexes(vectorBucketName=get_settings().vector_bucket)
    except ClientError:
        return []
    return [index["indexName"] for index in answer["indexes"]]
