"""A tenant's requests about an agent that exists, and what they leave behind."""

from __future__ import annotations

from include.aws import client
from include.models import Step, StepStatus
from include.naming import agent_prefix
from tests.fakes import store_agent

DOCUMENTS = "oratio-knowledge-bases"
STEP = Step(status=StepStatus.RUNNING, attempt=1, started_at="2026-01-01T00:00:00.000+00:00")
NEW_SOP = "Answer in one sentence, always."


def call(caller, verb, agent, path="", etag=None, **more):
    headers = caller.headers | ({"If-Match": etag} if etag else {})
    return caller.http.open(
        f"/api/agents/{agent.agent_id}{path}", method=verb, headers=headers, **more
    )


def require_problem(answer, status, code):
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["code"] == code


def store(caller, **changes):
    return store_agent(user_id=caller.user_id, **changes)


def patch(caller, agent, etag=None, **fields):
    return call(caller, "PATCH", agent, etag=etag, json=fields)


def read_document(agent, path):
    key = agent_prefix(agent.user_id, agent.agent_id) + path
    return client("s3").get_object(Bucket=DOCUMENTS, Key=key)["Body"].read()
