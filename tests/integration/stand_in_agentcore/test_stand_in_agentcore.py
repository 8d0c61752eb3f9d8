"""AgentCore of the stand-in over HTTP, as boto3 sees it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from werkzeug.serving import BaseWSGIServer

from local.aws.agentcore.processes import PROCESSES
from tests.agentcore import (
    AGENT_FILE,
    MODEL,
    ROLE,
    SESSION,
    agent_json,
    ask,
    create,
    failure,
    upload,
)


def test_a_runtime_from_creation_to_deletion(control: Any, artifact: dict[str, Any]) -> None:
    created = create(control, artifact, tags={"userId": "alice"}, description="first")
    assert created["status"] == "CREATING"
    found = control.get_agent_runtime(agentRuntimeId=created["agentRuntimeId"])
    assert (found["status"], found["agentRuntimeVersion"]) == ("READY", "1")
    assert found["agentRuntimeArtifact"] == artifact
    assert found["environmentVariables"] == {"MODEL_ID": MODEL}
    runtime_id, arn = found["agentRuntimeId"], found["agentRuntimeArn"]

    endpoint = control.create_agent_runtime_endpoint(agentRuntimeId=runtime_id, name="production")
    assert (endpoint["endpointName"], endpoint["targetVersion"]) == ("production", "1")
    updated = control.update_agent_runtime(
        agentRuntimeId=runtime_id, agentRuntimeArtifact=artifact, roleArn=ROLE
    )
    assert (updated["agentRuntimeVersion"], updated["status"]) == ("2", "UPDATING")
    old = control.get_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion="1")
    assert old["description"] == "first"
    versions = control.list_agent_runtime_versions(agentRuntimeId=runtime_id)["agentRuntimes"]
    assert [v["agentRuntimeVersion"] for v in versions] == ["1", "2"]
    endpoints = control.list_agent_runtime_endpoints(agentRuntimeId=runtime_id)
    live = {e["name"]: e["liveVersion"] for e in endpoints["runtimeEndpoints"]}
    assert live == {"DEFAULT": "2", "production": "1"}

    control.tag_resource(resourceArn=arn, tags={"agentId": "a1"})
    control.untag_resource(resourceArn=arn, tagKeys=["userId"])
    assert control.list_tags_for_resource(resourceArn=arn)["tags"] == {"agentId": "a1"}

    control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="production")
    assert control.delete_agent_runtime(agentRuntimeId=runtime_id)["status"] == "DELETING"
    code, _ = failure(control.get_agent_runtime, agentRuntimeId=runtime_id)
    assert code == "ResourceNotFoundException"


def test_lists_are_paged(control: Any, artifact: dict[str, Any]) -> None:
    names = {create(control, artifact)["agentRuntimeId"] for _ in range(3)}
    pages = list(
        control.get_paginator("list_agent_runtimes").paginate(PaginationConfig={"PageSize": 2})
    )
    assert len(pages) > 1
    assert names <= {r["agentRuntimeId"] for page in pages for r in page["agentRuntimes"]}


def test_refusals_carry_awss_code_and_words(control: Any, artifact: dict[str, Any]) -> None:
    arguments = {"agentRuntimeArtifact": artifact, "roleArn": ROLE}
    create_runtime = control.create_agent_runtime
    assert failure(create_runtime, agentRuntimeName="no-hyphens", **arguments) == (
        "ValidationException",
        "1 validation error detected: Value 'no-hyphens' at 'agentRuntimeName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [a-zA-Z][a-zA-Z0-9_]{0,47}",
    )
    create_runtime(agentRuntimeName="taken", **arguments)
    assert failure(create_runtime, agentRuntimeName="taken", **arguments) == (
        "ConflictException",
        "An agent with the specified name already exists",
    )


def test_a_bundle_without_its_entry_point_fails(aws: Any, control: Any) -> None:
    created = create(control, upload(aws, {"other.py": ""}))
    found = control.get_agent_runtime(agentRuntimeId=created["agentRuntimeId"])
    assert found["status"] == "CREATE_FAILED"
    assert "entrypoint could not be found" in found["failureReason"]


def test_an_agent_answers_from_its_tools(control: Any, data: Any, artifact: Any) -> None:
    arn = create(control, artifact)["agentRuntimeArn"]
    answer = ask(data, arn, "How long can I return clothing?", runtimeSessionId=SESSION)
    assert answer["answer"] == (
        'According to the documents: "Clothing can be returned within 30 days." [1]'
    )
    assert answer["citations"] == ["returns.md"]


def test_an_endpoint_serves_its_own_version(aws: Any, control: Any, data: Any) -> None:
    first = upload(aws, {"agent_file.py": AGENT_FILE, "agent.json": agent_json(30)})
    second = upload(aws, {"agent_file.py": AGENT_FILE, "agent.json": agent_json(60)})
    created = create(control, first)
    runtime_id, arn = created["agentRuntimeId"], created["agentRuntimeArn"]
    control.create_agent_runtime_endpoint(agentRuntimeId=runtime_id, name="production")
    control.update_agent_runtime(
        agentRuntimeId=runtime_id,
        agentRuntimeArtifact=second,
        roleArn=ROLE,
        environmentVariables={"MODEL_ID": MODEL},
    )
    question = "How long can I return clothing?"
    assert "60 days" in ask(data, arn, question)["answer"]
    assert "30 days" in ask(data, arn, question, qualifier="production")["answer"]
    code, message = failure(
        data.invoke_agent_runtime, agentRuntimeArn=arn, qualifier="nowhere", payload=b"{}"
    )
    assert code == "ResourceNotFoundException"
    assert "qualifier 'nowhere'" in message


def test_the_agent_gets_its_session_and_a_scrubbed_environment(
    server: BaseWSGIServer, control: Any, data: Any, artifact: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_SECRET", "hush")
    arn = create(control, artifact)["agentRuntimeArn"]
    seen = ask(data, arn, "/environment", runtimeSessionId=SESSION)
    assert seen["session"] == SESSION
    allowed = {"MODEL_ID", "PATH", "LANG", "LC_ALL", "TZ", "HOME", "AWS_REGION"}
    allowed |= {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert set(seen["environment"]) <= allowed
    assert seen["environment"]["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{server.server_port}"


def test_events_are_passed_on_as_they_come(control: Any, data: Any, artifact: Any) -> None:
    arn = create(control, artifact)["agentRuntimeArn"]
    answer = data.invoke_agent_runtime(agentRuntimeArn=arn, payload=b'{"prompt": "/gated"}')
    assert answer["contentType"].startswith("text/event-stream")
    lines = answer["response"].iter_lines(chunk_size=1)
    assert next(lines) == b'data: {"type": "text", "text": "first"}'
    ask(data, arn, "/open")
    assert b'data: {"type": "done", "answer": "first"}' in list(lines)


def test_a_streamed_answer_is_whole(control: Any, data: Any, artifact: Any) -> None:
    arn = create(control, artifact)["agentRuntimeArn"]
    payload = json.dumps({"prompt": "When is the shop open?", "stream": True}).encode()
    answer = data.invoke_agent_runtime(agentRuntimeArn=arn, payload=payload)
    lines = answer["response"].read().decode().splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    assert len(events) > 3
    assert "open from nine to five." in events[-1]["answer"]


def test_failures_of_the_agent_are_runtime_client_errors(
    control: Any, data: Any, artifact: Any
) -> None:
    arn = create(control, artifact)["agentRuntimeArn"]
    invoke = data.invoke_agent_runtime
    code, message = failure(invoke, agentRuntimeArn=arn, payload=b'{"prompt": "/fail"}')
    assert code == "RuntimeClientError"
    assert "500" in message
    assert "no such order" in message
    code, message = failure(invoke, agentRuntimeArn=arn, payload=b"not json")
    assert (code, "400" in message) == ("RuntimeClientError", True)
    code, message = failure(invoke, agentRuntimeArn=arn, payload=b'{"prompt": "/exit"}')
    assert (code, "ended while it answered" in message) == ("RuntimeClientError", True)
    assert "30 days" in ask(data, arn, "How long can I return clothing?")["answer"]


@pytest.mark.parametrize("prompt", ["/break", "/break midway"])
def test_an_agent_whose_connections_break_is_given_to_nobody_else(
    control: Any, data: Any, artifact: Any, prompt: str
) -> None:
    arn = create(control, artifact)["agentRuntimeArn"]
    with pytest.raises((ClientError, HTTPClientError)):
        ask(data, arn, prompt)
    assert "30 days" in ask(data, arn, "How long can I return clothing?")["answer"]


def test_a_bundle_that_does_not_start_is_a_runtime_client_error(
    aws: Any, control: Any, data: Any
) -> None:
    arn = create(control, upload(aws, {"agent_file.py": "1 / 0"}))["agentRuntimeArn"]
    code, message = failure(data.invoke_agent_runtime, agentRuntimeArn=arn, payload=b"{}")
    assert code == "RuntimeClientError"
    with open(message.split("(log: ")[1].rstrip(")")) as log:
        assert "ZeroDivisionError" in log.read()


def test_short_session_ids_are_refused(
    server: BaseWSGIServer, data: Any, control: Any, artifact: Any
) -> None:
    arn = create(control, artifact)["agentRuntimeArn"]
    data.meta.events.register(
        "before-sign",
        lambda request, **_: request.headers.replace_header(
            "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", "short"
        ),
    )
    code, message = failure(
        data.invoke_agent_runtime, agentRuntimeArn=arn, payload=b"{}", runtimeSessionId=SESSION
    )
    assert (code, "runtimeSessionId" in message) == ("ValidationException", True)


def test_twenty_agents_start_at_once(control: Any, data: Any, artifact: Any) -> None:
    arns = [create(control, artifact)["agentRuntimeArn"] for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda arn: ask(data, arn, "How long can I return clothing?"), arns)
        )
    assert all("30 days" in answer["answer"] for answer in answers)


def test_deleting_a_runtime_ends_its_process(control: Any, data: Any, artifact: Any) -> None:
    created = create(control, artifact)
    ask(data, created["agentRuntimeArn"], "/environment")
    (pid,) = [
        a.process.pid for k, a in PROCESSES.agents.items() if k[0] == created["agentRuntimeId"]
    ]
    handle = os.pidfd_open(pid)
    control.delete_agent_runtime(agentRuntimeId=created["agentRuntimeId"])
    assert created["agentRuntimeId"] not in {key[0] for key in PROCESSES.agents}
    os.close(handle)
