"""Every call of the product is told by its name."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from local.aws.calls import Call, find_call, read_text

ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/oratio_a-0123456789"
IDS = {"knowledgeBaseId": "KB00000001", "dataSourceId": "DS00000001"}
RUNTIME = {"agentRuntimeId": "oratio_a-0123456789"}
ENDPOINT = {**RUNTIME, "endpointName": "production"}
KEY = {"Bucket": "bucket", "Key": "user/agent/a b.txt"}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("bedrock-agent", "list_knowledge_bases", {}),
    ("bedrock-agent", "get_knowledge_base", {"knowledgeBaseId": "KB00000001"}),
    ("bedrock-agent", "delete_knowledge_base", {"knowledgeBaseId": "KB00000001"}),
    ("bedrock-agent", "list_data_sources", {"knowledgeBaseId": "KB00000001"}),
    ("bedrock-agent", "get_data_source", IDS),
    ("bedrock-agent", "delete_data_source", IDS),
    ("bedrock-agent", "start_ingestion_job", IDS),
    ("bedrock-agent", "get_ingestion_job", {**IDS, "ingestionJobId": "JOB0000001"}),
    ("bedrock-agent", "list_ingestion_jobs", IDS),
    ("bedrock-agent", "list_knowledge_base_documents", IDS),
    ("bedrock-agent", "list_tags_for_resource", {"resourceArn": ARN}),
    (
        "bedrock-agent-runtime",
        "retrieve",
        {"knowledgeBaseId": "KB00000001", "retrievalQuery": {"text": "?"}},
    ),
    ("bedrock-runtime", "converse", {"modelId": "us.anthropic.claude:0", "messages": []}),
    ("bedrock-runtime", "converse_stream", {"modelId": "us.anthropic.claude:0"}),
    ("bedrock-runtime", "invoke_model", {"modelId": "amazon.titan:0", "body": b"{}"}),
    ("bedrock-agentcore", "invoke_agent_runtime", {"agentRuntimeArn": ARN, "payload": b"{}"}),
    ("bedrock-agentcore-control", "list_agent_runtimes", {}),
    ("bedrock-agentcore-control", "get_agent_runtime", RUNTIME),
    ("bedrock-agentcore-control", "delete_agent_runtime", RUNTIME),
    ("bedrock-agentcore-control", "list_agent_runtime_versions", RUNTIME),
    ("bedrock-agentcore-control", "create_agent_runtime_endpoint", {**RUNTIME, "name": "p"}),
    ("bedrock-agentcore-control", "get_agent_runtime_endpoint", ENDPOINT),
    ("bedrock-agentcore-control", "update_agent_runtime_endpoint", ENDPOINT),
    ("bedrock-agentcore-control", "delete_agent_runtime_endpoint", ENDPOINT),
    ("bedrock-agentcore-control", "list_agent_runtime_endpoints", RUNTIME),
    ("bedrock-agentcore-control", "list_tags_for_resource", {"resourceArn": ARN}),
    ("s3vectors", "create_index", {"vectorBucketName": "vectors", "indexName": "index"}),
    ("dynamodb", "get_item", {"TableName": "oratio-agents", "Key": {}}),
    ("dynamodb", "transact_write_items", {"TransactItems": []}),
    ("s3", "put_object", {**KEY, "Body": b"x"}),
    ("s3", "get_object", {**KEY, "VersionId": "1"}),
    ("s3", "head_object", KEY),
    ("s3", "copy_object", {**KEY, "CopySource": "bucket/other"}),
    ("s3", "upload_part", {**KEY, "PartNumber": 1, "UploadId": "u", "Body": b"x"}),
    ("s3", "create_multipart_upload", KEY),
    ("s3", "list_objects_v2", {"Bucket": "bucket"}),
    ("s3", "list_object_versions", {"Bucket": "bucket"}),
    ("s3", "delete_objects", {"Bucket": "bucket", "Delete": {"Objects": []}}),
    ("cloudformation", "describe_stacks", {"StackName": "oratio"}),
    ("sts", "get_caller_identity", {}),
]


def record_request(service: str, method: str, arguments: dict[str, Any]) -> Any:
    """The signed request that boto3 would send."""
    sent: list[Any] = []

    class Stop(Exception):
        pass

    def stop(request: Any, **_: Any) -> None:
        sent.append(request)
        raise Stop

    config = Config(parameter_validation=False)
    client = boto3.client(service, endpoint_url="http://127.0.0.1:1", config=config)
    client.meta.events.register("before-send", stop)
    with pytest.raises(Stop):
        getattr(client, method)(**arguments)
    return sent[0]


def to_environ(request: Any) -> dict[str, Any]:
    """What the server makes of it."""
    address = urlsplit(request.url)
    body = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    body = body.encode() if isinstance(body, str) else body
    headers = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in request.headers.items()}
    headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in headers.items()}
    return {
        **headers,
        "REQUEST_METHOD": request.method,
        "PATH_INFO": address.path,
        "RAW_URI": f"{address.path}?{address.query}",
        "QUERY_STRING": address.query,
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
    }


@pytest.mark.parametrize(("service", "method", "arguments"), CALLS)
def test_every_call_has_its_name(service: str, method: str, arguments: dict[str, Any]) -> None:
    environ = to_environ(record_request(service, method, arguments))
    assert find_call(environ) == Call(service, method_name(service, method))


def method_name(service: str, method: str) -> str:
    return boto3.client(service).meta.method_to_api_mapping[method]


def test_the_body_can_still_be_read() -> None:
    environ = to_environ(record_request("cloudformation", "describe_stacks", {"StackName": "n"}))
    call = find_call(environ)
    assert call is not None
    assert "StackName=n" in read_text(call, environ)
    assert b"StackName=n" in environ["wsgi.input"].read()


def test_the_content_of_an_object_is_not_read() -> None:
    environ = to_environ(record_request("s3", "put_object", {**KEY, "Body": b"a secret"}))
    call = find_call(environ)
    assert call is not None
    text = read_text(call, environ)
    assert ("user/agent/a b.txt" in text, "secret" in text) == (True, False)


def test_a_presigned_address_is_a_call() -> None:
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    address = urlsplit(s3.generate_presigned_url("get_object", KEY))
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/bucket/user/agent/a b.txt",
        "QUERY_STRING": address.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "wsgi.url_scheme": "http",
    }
    assert find_call(environ) == Call("s3", "GetObject")


@pytest.mark.parametrize(
    "authorization", ["", "Bearer x", "Credential=a/20260101/r/none/aws4_request"]
)
def test_what_no_service_knows_is_no_call(authorization: str) -> None:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "HTTP_AUTHORIZATION": authorization,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "wsgi.url_scheme": "http",
    }
    assert find_call(environ) is None
