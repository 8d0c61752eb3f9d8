"""What all tests of the stand-in's knowledge half share: the stand-in, and clients of it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import boto3
import pytest
import requests
from botocore.config import Config

from local.aws.server import build_server
from tests.knowledge_calls import CHANGED, REGION


@pytest.fixture(scope="module")
def url():
    server = build_server(0, CHANGED.set)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def aws(url):
    requests.post(f"{url}/moto-api/reset", timeout=10).raise_for_status()

    def client(service):
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}),
        )

    clients = SimpleNamespace(
        url=url,
        s3=client("s3"),
        vectors=client("s3vectors"),
        agent=client("bedrock-agent"),
        runtime=client("bedrock-agent-runtime"),
    )
    clients.s3.create_bucket(Bucket="docs")
    yield clients
    requests.post(
        f"{url}/moto-api/state-manager/unset-transition",
        json={"model_name": "bedrock-agent::knowledge_base"},
        timeout=10,
    ).raise_for_status()
