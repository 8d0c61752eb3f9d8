"""A small agent at AgentCore: its bundle, and how boto3 uploads, creates and asks it."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/agent"
SESSION = "session-" + "0" * 32
MODEL = "us.amazon.nova-lite-v1:0"

# The contract of a bundle, with passages from agent.json in place of a knowledge base.
AGENT_FILE = '''
import asyncio, json, os, re, time
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


def break_connections():
    """End as a killed process does: its connections go first."""
    os.closerange(3, 256)
    time.sleep(0.2)
    os._exit(1)


async def broken():
    yield {"type": "text", "text": "first"}
    await asyncio.sleep(0.05)
    break_connections()


@app.entrypoint
def invoke(payload, context):
    if payload["prompt"] == "/gated":
        return gated()
    if payload["prompt"] == "/open":
        gate.touch()
        return {}
    if payload["prompt"] == "/exit":
        os._exit(1)
    if payload["prompt"] == "/break":
        break_connections()
    if payload["prompt"] == "/break midway":
        return broken()
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
