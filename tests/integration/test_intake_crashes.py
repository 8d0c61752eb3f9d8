"""The intake killed between any two of its writes, and Airflow away: accepted once, never lost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
import requests

from include import records
from include.dispatch import dispatch_pending_agents
from include.idempotency import Claim
from include.staging import sweep_staging
from local.tokens import make_token
from tests.conftest import JWT_SECRET
from tests.fakes import FORM, RETURNS, ROOT, list_keys

DOCUMENTS = "oratio-knowledge-bases"
REPETITIONS = int(os.environ.get("CRASH_REPETITIONS", "1"))
ENDLESS = 1_000  # more writes than a request makes
# Note, two documents, claim, sidecar, transaction, log-in, run, `sent`, the note's end.
WRITES = 10


@dataclass
class MortalIntake:
    """The intake over HTTP, in a new process for each request."""

    address: str
    process: subprocess.Popen[str]

    def submit(self, user_id: str, key: str, writes: int = ENDLESS) -> requests.Response | None:
        """POST a submission to a process that dies after so many writes; None when it died."""
        headers = {
            "Authorization": f"Bearer {make_token(user_id, JWT_SECRET)}",
            "Idempotency-Key": key,
        }
        files = [("files", ("policies/returns.md", RETURNS)), ("files", ("a.md", b"Open at nine."))]
        form = FORM | {"fileDescriptions": '{"policies": "Terms"}'}
        self.process.stdin.write(f"{writes}\n")
        self.process.stdin.flush()
        try:
            answer = requests.post(
                self.address, data=form, files=files, headers=headers, timeout=60
            )
        except requests.ConnectionError:
            answer = None
        ended = int(self.process.stdout.readline())
        assert ended == (0 if answer is not None else -9)
        return answer


@pytest.fixture
def intake(empty_stand_in, airflow):
    """A parent that forks a process for each request; a claim of the dead is free at once."""
    listener = socket.create_server(("127.0.0.1", 0))
    environment = os.environ | {
        "AWS_ENDPOINT_URL": empty_stand_in.url,
        "AIRFLOW_URL": airflow.url,
        "AIRFLOW_PASSWORD": "p",
        "IDEMPOTENCY_LEASE_SECONDS": "-1",
    }
    command = [sys.executable, "-m", "tests.crashing_intake", str(listener.fileno())]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, pass_fds=[listener.fileno()], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    yield MortalIntake(f"http://127.0.0.1:{listener.getsockname()[1]}/api/agents", process)
    process.stdin.close()
    process.wait(timeout=30)
    listener.close()


def find_agents(user_id):
    """The agents on record, whatever the lists say."""
    query = records.client("dynamodb").query(
        TableName="oratio-agents",
        KeyConditionExpression="userId = :user",
        ExpressionAttributeValues={":user": {"S": user_id}},
        ConsistentRead=True,
    )
    return [item["agentId"]["S"] for item in query["Items"]]


def find_stored(user_id):
    """Every object of the tenant's, staged or not, without its agent's id."""
    keys = list_keys(DOCUMENTS, f"{user_id}/") + list_keys(DOCUMENTS, f".staging/{user_id}/")
    return [key.split("/", 2 + key.startswith("."))[-1] for key in keys]


WHOLE = ["a.md", "policies/returns.md", "policies/returns.md.metadata.json"]


@pytest.mark.parametrize("writes", range(1, WRITES + 1))
def test_killed_between_two_writes(intake, airflow, writes):
    for _ in range(REPETITIONS):
        user_id, key = f"user-{uuid4().hex[:8]}", str(uuid4())
        assert intake.submit(user_id, key, writes) is None
        accepted = find_agents(user_id)
        sweep_staging(older_than=timedelta(0))
        assert find_stored(user_id) == (WHOLE if accepted else [])
        answer = intake.submit(user_id, key)
        assert answer.status_code == 201
        agent_id = answer.json()["agentId"]
        assert accepted in ([], [agent_id])
        assert find_agents(user_id) == [agent_id]
        assert find_stored(user_id) == WHOLE
        dispatch_pending_agents()
        runs = [run for run in airflow.runs if run.startswith(f"agent-{agent_id}")]
        assert runs == [f"agent-{agent_id}-g1"]
        assert records.get_agent(user_id, agent_id).dispatch == "sent"
        (conf,) = [r["conf"] for r in airflow.runs.values() if r["conf"]["user_id"] == user_id]
        assert conf["agent_id"] == agent_id


def test_there_are_as_many_writes_as_are_tested(intake):
    user_id = f"user-{uuid4().hex[:8]}"
    assert intake.submit(user_id, str(uuid4()), WRITES + 1).status_code == 201
    claim = Claim(user_id, "unused", "")
    assert "Item" not in records.client("dynamodb").get_item(**claim.item)


def test_airflow_away_for_fifty_submissions(empty_stand_in, sign_in, airflow):
    airflow.status = 503
    alice = sign_in()
    answers = [alice.submit(("returns.md", RETURNS)) for _ in range(50)]
    assert {answer.status_code for answer in answers} == {201}
    ids = {answer.json["agentId"] for answer in answers}
    assert (len(ids), airflow.runs) == (50, {})
    airflow.status = None
    assert dispatch_pending_agents() == 50
    assert airflow.runs.keys() == {f"agent-{agent_id}-g1" for agent_id in ids}
    assert {records.get_agent(alice.user_id, i).dispatch for i in ids} == {"sent"}
    assert dispatch_pending_agents() == 0
