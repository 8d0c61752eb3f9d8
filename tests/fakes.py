"""Stand-ins for what lies outside the code under test, and records to feed it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
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
from include.models import Agent, AgentRef, AgentType, DispatchStatus, Document, KnowledgeBase
from include.naming import INCOMING_PREFIX, STAGING_PREFIX, document_uri
from include.settings import get_settings
from include.steps import Work, run_step
from include.waits import is_settled
from tests.http_server import serve

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


@dataclass
class FakeAirflow:
    """Airflow's login and dagRuns over real HTTP; what it holds and refuses is set by the test."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    log_ins: int = 0
    status: int | None = None  # answered to every POST of a run instead of taking it
    dag: dict[str, Any] | None = field(  # create_agent as Airflow describes it; None: not parsed
        default_factory=lambda: {"is_paused": False, "has_import_errors": False}
    )
    body: bytes | None = None  # answered to everything, as a proxy in front of Airflow would
    url: str = ""

    def expire_tokens(self) -> None:
        """Refuse all tokens given out so far."""
        self.tokens.clear()

    working: set[str] = field(default_factory=set)  # run ids of which a task is at work
    paused: set[str] = field(default_factory=set)  # DAGs
    question: dict[str, Any] | None = None  # to a person, and what was answered

    def hold_run(self, run_id: str, conf: dict[str, Any], **more: Any) -> None:
        """Have this run already."""
        self.runs[run_id] = {"dag_run_id": run_id, "conf": conf, **more}

    def state_of(self, ref: AgentRef) -> str:
        """The state of the run of one generation."""
        return str(self.runs[f"agent-{ref.agent_id}-g{ref.generation}"].get("state", "running"))

    def end_run(self, ref: AgentRef, state: str = "failed", **more: Any) -> None:
        """Let the run of one generation be over."""
        self.runs[f"agent-{ref.agent_id}-g{ref.generation}"] |= {"state": state, **more}

    def list_runs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """What the batch endpoint answers, oldest first."""
        text, states = wanted.get("conf_contains") or "", wanted.get("states")
        found = [
            {"dag_id": "create_agent", "state": "running", **run}
            for run in self.runs.values()
            if text in json.dumps(run["conf"])
        ]
        kept = [run for run in found if not states or run["state"] in states]
        return kept[wanted["page_offset"] :][: wanted["page_limit"]]

    def conf_of(self, ref: AgentRef) -> dict[str, Any] | None:
        """The conf of the run of one generation, if there is one."""
        run = self.runs.get(f"agent-{ref.agent_id}-g{ref.generation}")
        return run and run["conf"]

    def answer_about_runs(self, method: str, path: str, body: Any) -> Any:
        """The JSON for what the reconciler asks; None for anything else."""
        if path.endswith("/taskInstances/list"):
            at_work = self.working & set(body["dag_run_ids"])
            return {"task_instances": [{"dag_run_id": run_id} for run_id in at_work]}
        if path.endswith("/dagRuns/list"):
            return {"dag_runs": self.list_runs(body)}
        if path.endswith("/hitlDetails"):
            return self.question
        if "/dags?paused=true" in path:
            return {"dags": [{"dag_id": dag_id} for dag_id in self.paused]}
        if method == "PATCH":
            self.runs[path.rpartition("/")[2]] |= body
            return body
        return None

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        """Status and JSON for one request."""
        if path == "/auth/token":
            self.log_ins += 1
            self.tokens.append(f"token-{self.log_ins}")
            return 201, {"access_token": self.tokens[-1]}
        if token not in self.tokens:
            return 401, {"detail": "Invalid token"}
        if answer := self.answer_about_runs(method, path, body):
            return 200, answer
        if method == "GET" and path.endswith("/dags/create_agent"):
            return (200, self.dag) if self.dag else (404, {"detail": "not found"})
        if method == "GET":
            run = self.runs.get(path.rpartition("/")[2])
            return (200, run) if run else (404, {"detail": "not found"})
        if self.status:
            return self.status, {"detail": "refused"}
        if body["dag_run_id"] in self.runs:
            return 409, {"detail": "exists"}
        self.runs[body["dag_run_id"]] = body
        return 200, body


@contextmanager
def serve_airflow() -> Iterator[FakeAirflow]:
    """A FakeAirflow on a free port."""
    airflow = FakeAirflow()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            content = json.loads(self.rfile.read(length)) if length else None
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, answer = airflow.answer(self.command, self.path, token, content)
            body = airflow.body or json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *arguments: Any) -> None:
            pass

    with serve(Handler) as url:
        airflow.url = url
        yield airflow


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
