"""What the tests of AgentCore and the models share: a stand-in of their own, clients, an agent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from werkzeug.serving import BaseWSGIServer

from local.aws.agentcore.processes import PROCESSES
from local.aws.server import build_server
from tests.agentcore import AGENT_FILE, agent_json, upload

REGION = "us-east-1"


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
