"""A small Bedrock: models that say what the question asks for, and passages to be found."""

from __future__ import annotations

import json
import struct
import threading
import zlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

PREFIX = "s3://oratio-knowledge-bases/alice/a1/"
PASSAGES = [
    ("policies/returns.md", "Bicycles may be returned within 30 days.", 0.9),
    ("products/heron.pdf", "The Heron carries 145 kg.", 0.5),
]
# What each call of the model has used.
USAGE = {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}
METADATA = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}})


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
