"""The generated bundle as a process of its own, against a small endpoint that plays Bedrock."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest

from include.creator.generate import generate
from include.creator.request import GenerationRequest
from include.models import AgentType
from include.runtime.bundle import build_bundle

SAMPLES = Path(__file__).parents[2] / "samples"
PREFIX = "s3://oratio-knowledge-bases/alice/a1/"
SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
PASSAGES = [
    ("policies/returns.md", "Bicycles may be returned within 30 days.", 0.9),
    ("products/heron.pdf", "The Heron carries 145 kg.", 0.5),
]
# What each call of the model has used.
USAGE = {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}
METADATA = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}})
# The contract's server listens on 8080 of its own machine; here it gets a free port.
LAUNCHER = """
import functools, runpy, sys
from bedrock_agentcore import BedrockAgentCoreApp
BedrockAgentCoreApp.run = functools.partialmethod(BedrockAgentCoreApp.run, port=int(sys.argv[1]))
runpy.run_path("agent_file.py", run_name="__main__")
"""


def encode_event(kind: str, payload: dict) -> bytes:
    """One message of the format application/vnd.amazon.eventstream."""
    headers = b""
    for name, value in (
        (":message-type", "event"),
        (":event-type", kind),
        (":content-type", "application/json"),
    ):
        headers += bytes([len(name)]) + name.encode() + b"\x07"
        headers += struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", len(headers) + len(body) + 16, len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def encode_text(*pieces: str) -> bytes:
    events = [("messageStart", {"role": "assistant"})]
    events += [
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
        for piece in pieces
    ]
    events += [
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        METADATA,
    ]
    return b"".join(encode_event(*event) for event in events)


def encode_tool_use(name: str, tool_input: dict) -> bytes:
    start = {"toolUse": {"toolUseId": "t1", "name": name}}
    delta = {"toolUse": {"input": json.dumps(tool_input)}}
    events = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockStart", {"contentBlockIndex": 0, "start": start}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "tool_use"}),
        METADATA,
    ]
    return b"".join(encode_event(*event) for event in events)


@dataclass
class Bedrock:
    """A scripted Bedrock: the last user text decides; what was asked of it is kept."""

    converse: list[dict] = field(default_factory=list)
    retrieve: list[tuple[str, dict]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most_running: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer_model(self, request: dict) -> tuple[int, bytes]:
        self.converse.append(request)
        first, last = (request["messages"][n]["content"] for n in (0, -1))
        if first[-1].get("text") == "loop":
            return 200, encode_tool_use("retrieve", {"query": "again"})
        if "toolResult" in last[-1]:
            return 200, encode_text("You have ", "30 days [1].")
        prompt = last[-1]["text"]
        if prompt == "break":
            return 400, b'{"message": "role arn:aws:iam::123456789012:role/x may not"}'
        if prompt == "wait":
            self.wait_at_gate()
            return 200, encode_text("done")
        if prompt == "lost" or prompt.startswith("How"):
            return 200, encode_tool_use("retrieve", {"query": prompt})
        if prompt == "person":
            case = {"reason": "asked", "summary": "wants a person"}
            return 200, encode_tool_use("hand_off_to_human", case)
        return 200, encode_text(f"You said {prompt}.")

    def wait_at_gate(self) -> None:
        with self.lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.entered.set()
        self.gate.wait(timeout=60)
        with self.lock:
            self.running -= 1

    def answer_retrieve(self, path: str, request: dict) -> tuple[int, bytes]:
        self.retrieve.append((path, request))
        if request["retrievalQuery"]["text"] == "lost":
            return 403, b'{"message": "no access for arn:aws:iam::123456789012:role/x"}'
        uris = [(PREFIX + name, text, score) for name, text, score in PASSAGES]
        uris.insert(0, ("s3://oratio-knowledge-bases/bob/b1/x.md", "Bob's secret.", 1.0))
        results = [
            {
                "content": {"type": "TEXT", "text": text},
                "score": score,
                "location": {"type": "S3", "s3Location": {"uri": uri}},
            }
            for uri, text, score in uris
        ]
        return 200, json.dumps({"retrievalResults": results}).encode()


def build_handler(bedrock: Bedrock) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.startswith("/model/"):
                status, body = bedrock.answer_model(request)
            else:
                status, body = bedrock.answer_retrieve(self.path, request)
            self.send_response(status)
            if status != 200:
                self.send_header("x-amzn-ErrorType", "AccessDeniedException")
            kind = "vnd.amazon.eventstream" if self.path.endswith("-stream") else "json"
            self.send_header("Content-Type", f"application/{kind}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    return Handler


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


@pytest.fixture(scope="module", params=["s3_vectors"])
def agent(request, tmp_path_factory):
    bedrock = Bedrock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), build_handler(bedrock))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path_factory.mktemp("agent")
    process, running = start_agent(folder, bedrock, server.server_port, request.param)
    try:
        wait_until_healthy(running, process)
        yield running
    finally:
        bedrock.gate.set()
        process.terminate()
        process.wait(timeout=20)
        server.shutdown()
        server.server_close()


def test_ping(agent):
    status, _, body = agent.request("GET", "/ping")
    assert (status, json.loads(body)["status"]) == (200, "Healthy")


def test_answer_with_citation(agent):
    status, answer = agent.ask("How long may I return it?")
    assert status == 200
    assert answer == {
        "answer": "You have 30 days [1].",
        "citations": [
            {"document": f"{PREFIX}policies/returns.md", "passage": PASSAGES[0][1], "score": 0.9}
        ],
        "handoff": None,
        "usage": {"inputTokens": 22, "outputTokens": 14},
    }


def test_what_the_model_sees(agent):
    agent.ask("How heavy?")
    request = agent.bedrock.converse[-1]
    assert "SOP: Customer desk of Fernhill Cycles" in request["system"][0]["text"]
    [block] = request["messages"][-1]["content"]
    [result] = block["toolResult"]["content"]
    assert result["text"].startswith(
        "[1] (document: policies/returns.md)\nBicycles may be returned within 30 days.\n\n[2] (doc"
    )
    assert "Bob" not in result["text"]
    tools = {t["toolSpec"]["name"]: t["toolSpec"] for t in request["toolConfig"]["tools"]}
    assert set(tools) == {"retrieve", "hand_off_to_human"}
    assert tools["retrieve"]["inputSchema"]["json"]["required"] == ["query"]
    assert set(tools["hand_off_to_human"]["inputSchema"]["json"]["properties"]) == {
        "reason",
        "summary",
    }
    assert "When somebody was hurt." in tools["hand_off_to_human"]["description"]


def test_searches_go_to_its_own_knowledge_base(agent):
    agent.ask("How " + "long " * 400)
    path, request = agent.bedrock.retrieve[-1]
    assert path == "/knowledgebases/ABCDEFGHIJ/retrieve"
    assert request["retrievalConfiguration"] == {
        "vectorSearchConfiguration": {"numberOfResults": 5}
    }
    assert len(request["retrievalQuery"]["text"]) == 1_000


@pytest.mark.parametrize("agent", ["managed"], indirect=True)
def test_managed_knowledge_bases_are_searched_in_their_own_way(agent):
    assert agent.ask("How?")[0] == 200
    configuration = agent.bedrock.retrieve[-1][1]["retrievalConfiguration"]
    assert configuration == {"managedSearchConfiguration": {"numberOfResults": 5}}


def test_hand_off(agent):
    _, answer = agent.ask("person")
    assert answer["handoff"] == {"reason": "asked", "summary": "wants a person"}
    assert answer["citations"] == []


def test_stream(agent):
    events = agent.stream("How long?")
    assert [event["type"] for event in events] == ["tool", "text", "text", "done"]
    assert events[0]["name"] == "retrieve"
    assert "".join(e["text"] for e in events[1:3]) == events[3]["answer"] == "You have 30 days [1]."
    assert events[3]["citations"][0]["document"].endswith("policies/returns.md")
    assert events[3]["handoff"] is None


def test_a_session_remembers_words_but_no_passages(agent):
    session = "s" * 40
    agent.ask("How long?", session)
    agent.ask("Thanks", session)
    messages = agent.bedrock.converse[-1]["messages"]
    assert [(m["role"], m["content"][0]["text"]) for m in messages] == [
        ("user", "How long?"),
        ("assistant", "You have 30 days [1]."),
        ("user", "Thanks"),
    ]


def test_a_history_replaces_what_the_session_remembers(agent):
    session = "h" * 40
    agent.ask("Forget me", session)
    history = [
        {"question": "How long?", "answer": "30 days."},
        {"question": "Are you there?", "answer": ""},
    ]
    body = json.dumps({"prompt": "Thanks", "history": history}).encode()
    assert agent.request("POST", "/invocations", body, session)[0] == 200
    agent.ask("Bye", session)
    messages = agent.bedrock.converse[-1]["messages"]
    assert [m["content"][0]["text"] for m in messages] == [
        "How long?",
        "30 days.",
        "Thanks",
        "You said Thanks.",
        "Bye",
    ]


@pytest.mark.parametrize("history", ["x", [1], [{"question": "x"}], [{"question": 1, "answer": 2}]])
def test_a_history_that_is_none(agent, history):
    body = json.dumps({"prompt": "Hello", "history": history}).encode()
    assert agent.request("POST", "/invocations", body)[0] == 400


def test_memory_is_bounded_and_starts_with_the_user(agent):
    session = "m" * 40
    for number in range(13):
        agent.ask(f"n{number}", session)
    messages = agent.bedrock.converse[-1]["messages"]
    assert len(messages) == 21
    assert (messages[0]["role"], messages[0]["content"][0]["text"]) == ("user", "n2")


def test_sessions_do_not_see_each_other(agent):
    agent.ask("secret word", "a" * 40)
    agent.ask("hello", "b" * 40)
    assert "secret" not in json.dumps(agent.bedrock.converse[-1]["messages"])
    agent.ask("hello")
    assert len(agent.bedrock.converse[-1]["messages"]) == 1


def test_one_turn_at_a_time_in_a_session_while_others_go_on(agent):
    bedrock, session = agent.bedrock, "w" * 40
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(agent.ask, "wait", session) for _ in range(3)]
        assert bedrock.entered.wait(timeout=60)
        assert agent.ask("hello", "x" * 40) == (
            200,
            {
                "answer": "You said hello.",
                "citations": [],
                "handoff": None,
                "usage": {"inputTokens": 11, "outputTokens": 7},
            },
        )
        bedrock.gate.set()
        assert [future.result()[0] for future in waiting] == [200, 200, 200]
    assert bedrock.most_running == 1


def test_a_failed_model_call_says_why_without_names(agent):
    session = "f" * 40
    status, body = agent.ask("break", session)
    assert (status, list(body)) == (500, ["error"])
    assert "AccessDeniedException" in body["error"]
    assert "123456789012" not in body["error"]
    [event] = agent.stream("break")
    assert event == {"type": "error", "message": body["error"]}
    assert agent.ask("hello", session)[0] == 200
    assert len(agent.bedrock.converse[-1]["messages"]) == 1


def test_a_failed_search_fails_the_turn(agent):
    status, body = agent.ask("lost")
    assert (status, body) == (500, {"error": "The agent could not search its knowledge base."})
    assert agent.stream("lost")[-1]["type"] == "error"
    assert "123456789012" not in json.dumps(agent.bedrock.converse[-1]["messages"])


def test_a_model_that_only_searches_is_stopped(agent):
    before = len(agent.bedrock.converse)
    status, body = agent.ask("loop")
    assert (status, "limit" in body["error"]) == (500, True)
    assert len(agent.bedrock.converse) - before == 8


@pytest.mark.parametrize("prompt", ["", "  ", None, 3, ["x"], "x" * 20_001])
def test_bad_prompts(agent, prompt):
    status, body = agent.ask(prompt)
    assert (status, list(body)) == (400, ["error"])


def test_bodies_that_are_no_request(agent):
    assert agent.request("POST", "/invocations", b"[1]")[0] == 400
    assert agent.request("POST", "/invocations", b"{")[0] == 400
