"""The generated bundle as a process of its own, and what it is asked over HTTP."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from zipfile import ZipFile

import pytest

from include.creator.generate import generate
from include.creator.request import GenerationRequest
from include.models import AgentType
from include.runtime.bundle import build_bundle
from tests.fakes import ROOT
from tests.scripted_bedrock import PREFIX, Bedrock

SAMPLES = ROOT / "samples"
SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
# The contract's server listens on 8080 of its own machine; here it gets a free port.
LAUNCHER = """
import functools, runpy, sys
from bedrock_agentcore import BedrockAgentCoreApp
BedrockAgentCoreApp.run = functools.partialmethod(BedrockAgentCoreApp.run, port=int(sys.argv[1]))
runpy.run_path("agent_file.py", run_name="__main__")
"""


@dataclass
class RunningAgent:
    port: int
    bedrock: Bedrock
    log: Path

    def request(self, method: str, path: str, body: bytes = b"", session: str | None = None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        if session:
            headers[SESSION_HEADER] = session
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read()

    def ask(self, prompt: object, session: str | None = None):
        body = json.dumps({"prompt": prompt}).encode()
        status, _, answer = self.request("POST", "/invocations", body, session)
        return status, json.loads(answer)

    def stream(self, prompt: str):
        body = json.dumps({"prompt": prompt, "stream": True}).encode()
        status, kind, text = self.request("POST", "/invocations", body)
        assert (status, kind.split(";")[0]) == (200, "text/event-stream")
        lines = text.decode().split("\n\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_healthy(agent: RunningAgent, process: subprocess.Popen) -> None:
    """Ask /ping until it answers; fails with the log if the process ends first."""
    while process.poll() is None:
        try:
            if agent.request("GET", "/ping")[0] == 200:
                return
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
    pytest.fail(agent.log.read_text())


def start_agent(folder: Path, bedrock: Bedrock, aws_port: int, store: str):
    request = GenerationRequest(
        agent_id="a1",
        agent_name="Desk",
        agent_type=AgentType.TEXT,
        sop=(SAMPLES / "sop.md").read_text(encoding="utf-8"),
        knowledge_base_description="Policies of Fernhill Cycles.",
        human_handoff_description="When somebody was hurt.",
        document_prefix=PREFIX,
    )
    bundle = build_bundle(generate(request).files)
    ZipFile(io.BytesIO(bundle)).extractall(folder)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}",
        "AWS_ACCESS_KEY_ID": "dummy",
        "AWS_SECRET_ACCESS_KEY": "dummy",
        "KNOWLEDGE_BASE_ID": "ABCDEFGHIJ",
        "KNOWLEDGE_BASE_STORE": store,
        "MODEL_ID": "test-model",
        "AWS_MAX_ATTEMPTS": "1",
    }
    port, log = free_port(), folder / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-c", LAUNCHER, str(port)]
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    return process, RunningAgent(port, bedrock, log)
