"""The models of the stand-in over HTTP, as boto3 sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.agentcore import MODEL, failure


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
