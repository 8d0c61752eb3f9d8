"""AgentCore and the models of the stand-in over HTTP, as boto3 sees them."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
import uuid
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.serving import BaseWSGIServer

from local.aws.agentcore.processes import PROCESSES
from local.aws.server import build_server

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/agent"
SESSION = "session-" + "0" * 32
MODEL = "us.amazon.nova-lite-v1:0"

# The contract of a bundle, with passages from agent.json in place of a knowledge base.
AGENT_FILE = '''
import asyncio, json, os, re
from pathlib import Path

from bedrock_agentcore import BedrockAgentCoreApp
from strands import Agent, tool
from strands.models import BedrockModel

config = json.loads(Path(__file__).with_name("agent.json").read_text())
app = BedrockAgentCoreApp()
gate = Path("gate")


@tool
def retrieve(query: str) -> str:
    """Search the documents."""
    lines = [f"[{n}] (document: {d})\\n{t}\\n" for n, (d, t) in enumerate(config["passages"], 1)]
    return "\\n".join(lines)


@tool
def hand_off_to_human(reason: str, summary: str) -> str:
    """Hand the conversation over."""
    return "done"


def make_agent():
    model = BedrockModel(model_id=os.environ["MODEL_ID"], region_name=os.environ["AWS_REGION"])
    tools = [retrieve, hand_off_to_human]
    return Agent(model=model, tools=tools, system_prompt=config["prompt"], callback_handler=None)


async def stream(prompt):
    answer = ""
    async for event in make_agent().stream_async(prompt):
        if "data" in event:
            answer += event["data"]
            yield {"type": "text", "text": event["data"]}
    yield {"type": "done", "answer": answer}


async def gated():
    yield {"type": "text", "text": "first"}
    while not gate.exists():
        await asyncio.sleep(0.01)
    yield {"type": "done", "answer": "first"}


@app.entrypoint
def invoke(payload, context):
    if payload["prompt"] == "/gated":
        return gated()
    if payload["prompt"] == "/open":
        gate.touch()
        return {}
    if payload["prompt"] == "/exit":
        os._exit(1)
    if payload["prompt"] == "/fail":
        raise ValueError("no such order")
    if payload["prompt"] == "/environment":
        return {"session": context.session_id, "environment": dict(os.environ)}
    if payload.get("stream"):
        return stream(payload["prompt"])
    answer = str(make_agent()(payload["prompt"])).strip()
    cited = {int(n) for n in re.findall(r"\\[(\\d+)\\]", answer)}
    documents = [d for n, (d, _) in enumerate(config["passages"], 1) if n in cited]
    return {"answer": answer, "citations": documents}


if __name__ == "__main__":
    app.run()
'''


def agent_json(days: int = 30) -> str:
    return json.dumps(
        {
            "prompt": "Answer from the documents.",
            "passages": [
                ("returns.md", f"Clothing can be returned within {days} days."),
                ("hours.md", "The shop is open from nine to five."),
            ],
        }
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseWSGIServer]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAND_IN_DATA_DIR", str(tmp_path_factory.mktemp("aws")))
        running = build_server(0)
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()
        PROCESSES.stop()


@pytest.fixture
def aws(server: BaseWSGIServer) -> Any:
    def client(service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                retries={"total_max_attempts": 1}, read_timeout=120, max_pool_connections=30
            ),
        )

    return client


@pytest.fixture
def control(aws: Any) -> Any:
    return aws("bedrock-agentcore-control")


@pytest.fixture
def data(aws: Any) -> Any:
    return aws("bedrock-agentcore")


@pytest.fixture
def artifact(aws: Any) -> dict[str, Any]:
    return upload(aws, {"agent_file.py": AGENT_FILE, "agent.json": agent_json()})


def upload(aws: Any, files: dict[str, str]) -> dict[str, Any]:
    s3, bucket, key = aws("s3"), "code", f"{uuid.uuid4()}.zip"
    s3.create_bucket(Bucket=bucket)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    s3.put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())
    code = {"s3": {"bucket": bucket, "prefix": key}}
    return {
        "codeConfiguration": {
            "code": code,
            "runtime": "PYTHON_3_13",
            "entryPoint": ["agent_file.py"],
        }
    }


def create(control: Any, artifact: dict[str, Any], **more: Any) -> dict[str, Any]:
    return control.create_agent_runtime(
        agentRuntimeName=f"agent_{uuid.uuid4().hex}",
        agentRuntimeArtifact=artifact,
        roleArn=ROLE,
        networkConfiguration={"networkMode": "PUBLIC"},
        environmentVariables={"MODEL_ID": MODEL},
        **more,
    )


def ask(data: Any, arn: str, prompt: str, **more: Any) -> Any:
    payload = json.dumps({"prompt": prompt}).encode()
    answer = data.invoke_agent_runtime(agentRuntimeArn=arn, payload=payload, **more)
    return json.loads(answer["response"].read())


def failure(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


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


def converse(model: Any, text: str, **more: Any) -> Any:
    messages = [{"role": "user", "content": [{"text": text}]}]
    return model(modelId=MODEL, messages=messages, **more)


def test_converse_and_its_stream_say_the_same(aws: Any) -> None:
    runtime = aws("bedrock-runtime")
    whole = converse(runtime.converse, "Good morning to you")
    assert whole["output"]["message"]["content"] == [{"text": "You said: Good morning to you"}]
    assert whole["metrics"]["latencyMs"] >= 0
    events = list(converse(runtime.converse_stream, "Good morning to you")["stream"])
    texts = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert "".join(texts) == "You said: Good morning to you"
    assert len(texts) > 1
    assert events[-1]["metadata"]["usage"] == whole["usage"]


def test_converse_keeps_json_documents_whole(aws: Any) -> None:
    schema = {"type": "object", "required": ["topic"], "properties": {"topic": {"type": "string"}}}
    spec = {"name": "classify", "inputSchema": {"json": schema}}
    config = {"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": "classify"}}}
    answer = converse(aws("bedrock-runtime").converse, "Boats", toolConfig=config)
    (block,) = answer["output"]["message"]["content"]
    assert block["toolUse"]["input"] == {"topic": "Boats"}


def test_converse_takes_the_arn_of_an_inference_profile(aws: Any) -> None:
    profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
    messages = [{"role": "user", "content": [{"text": "Hi"}]}]
    answer = aws("bedrock-runtime").converse(modelId=profile, messages=messages)
    assert answer["stopReason"] == "end_turn"


def test_converse_refuses_no_messages(aws: Any) -> None:
    code, message = failure(aws("bedrock-runtime").converse, modelId=MODEL, messages=[])
    assert (code, "empty" in message) == ("ValidationException", True)


def test_an_unreachable_model_is_a_model_error(aws: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("LOCAL_MODEL_BASE_URL", "http://127.0.0.1:9/v1")
    for call in (aws("bedrock-runtime").converse, aws("bedrock-runtime").converse_stream):
        with pytest.raises(ClientError, match="ModelErrorException"):
            converse(call, "Hi")


def test_titan_embeds(aws: Any) -> None:
    runtime = aws("bedrock-runtime")
    body = json.dumps({"inputText": "Refunds are paid.", "dimensions": 256})
    answer = runtime.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=body)
    assert len(json.loads(answer["body"].read())["embedding"]) == 256
    code, message = failure(
        runtime.invoke_model,
        modelId="amazon.titan-embed-text-v2:0",
        body=json.dumps({"inputText": "a", "size": 3}),
    )
    assert (code, "extraneous key [size]" in message) == ("ValidationException", True)
