"""The gate and the second file of an agent that speaks: its own few words, and no others."""

from __future__ import annotations

import pytest

from include.creator.check import check_files, check_source, ensure_accepted
from include.creator.policy import VOICE
from include.creator.render import FOLDER
from include.errors import CodeRejectedError

TEXT_CODE = (FOLDER / "agent_file.py").read_bytes()
GOOD = (FOLDER / "agent_voice.py").read_bytes()
ENTRY = b"@app.websocket"


def with_code(snippet: str) -> bytes:
    assert ENTRY in GOOD
    return GOOD.replace(ENTRY, snippet.encode() + b"\n\n\n" + ENTRY, 1)


def files_of(voice: bytes, text: bytes = TEXT_CODE) -> dict[str, bytes]:
    return {"agent_file.py": text, "agent_voice.py": voice, "agent.json": b"{}"}


def rules_of(source: bytes) -> set[str]:
    return {finding.rule for finding in check_source(source, VOICE)}


def test_the_template_passes():
    ensure_accepted(files_of(GOOD))


def test_findings_name_the_file():
    with pytest.raises(CodeRejectedError, match=r"agent_voice\.py line \d+ may not import os"):
        ensure_accepted(files_of(with_code("import os")))


HOSTILE = {
    "os": ("import os", "import"),
    "boto3": ("import boto3", "import"),
    "asyncio": ("import asyncio", "import"),
    "path": ("from pathlib import Path", "import"),
    "another model of Strands": ("from strands.bidi.models import OpenAIRealtimeModel", "import"),
    "the microphone of Strands": ("from strands.bidi.io import AudioIO", "import"),
    "the knowledge client": ("from agent_file import knowledge", "import"),
    "another name of the first file": ("import agent_file", "import"),
    "eval": ("eval('1')", "name"),
    "sleep for ever": ("time.sleep(10**6)", "attribute"),
    "request headers": ("def f(w: WebSocket) -> Any:\n    return w.headers", "attribute"),
    "another server": ("def f(w: WebSocket) -> Any:\n    return w.app", "attribute"),
    "client": ("X = aws.client('bedrock-agent-runtime')", "contract"),
    "credentials": ("X = aws.get_credentials()", "attribute"),
    "a search of its own": ("def f(k: Any) -> Any:\n    return k.retrieve(x=1)", "contract"),
    "model elsewhere": ("X = BedrockNovaSonicModel(region='x', model_id='y')", "call"),
    "model's parameters": ("X = BedrockNovaSonicModel(params=CONFIG)", "call"),
    "agent with other tools": ("X = BidiAgent(tools=[retrieve])", "contract"),
    "agent with a tool file": ("X = BidiAgent(tools=['/tmp/x.py'])", "call"),
    "agent with no tools": ("X = BidiAgent(model=CONFIG)", "contract"),
    "agent's session": ("X = BidiAgent(session_manager=CONFIG)", "call"),
    "app run elsewhere": ("app.run(host='0.0.0.0')", "contract"),
    "coroutine run": ("def f(x: Any) -> Any:\n    return x.run()", "contract"),
    "second websocket": ("@app.websocket\nasync def more(w: Any) -> None:\n    pass", "contract"),
    "entry point": ("@app.entrypoint\ndef more(payload: Any) -> None:\n    pass", "attribute"),
    "tool rebound": ("retrieve = CONFIG", "name"),
    "app rebound": ("app = CONFIG", "name"),
    "endless loop": ("while True:\n    pass", "syntax"),
}


@pytest.mark.parametrize(("snippet", "rule"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_code_is_refused(snippet, rule):
    assert rule in rules_of(with_code(snippet))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@app.websocket\n", b""),
        (b"    app.run()\n", b"    app.run(host='0.0.0.0')\n"),
        (b"    hand_off_to_human,\n", b""),
        (b"tools=[retrieve, hand_off_to_human]", b"tools=[hand_off_to_human]"),
        (b"tools=[retrieve, hand_off_to_human]", b"tools=[retrieve, hand_off_to_human, talk]"),
    ],
)
def test_what_the_contract_asks_for_must_be_there(old, new):
    assert old in GOOD
    assert rules_of(GOOD.replace(old, new)) & {"contract", "syntax"}


def test_what_is_taken_from_the_first_file_must_be_there():
    without = TEXT_CODE.replace(b"class AnswerError(", b"class AnError(").replace(
        b"AnswerError", b"AnError"
    )
    [finding] = check_files(files_of(GOOD, without))
    assert (finding.file, finding.message) == (
        "agent_voice.py",
        "takes AnswerError from a file that lacks it",
    )


def test_the_words_of_speech_are_not_for_the_first_file():
    assert check_source(GOOD)
    snippet = b"from starlette.websockets import WebSocket\n"
    assert check_files(files_of(GOOD, snippet + TEXT_CODE))


def test_a_voice_file_alone_is_no_agent():
    assert check_files({"agent_voice.py": GOOD, "agent.json": b"{}"})
    assert check_files(files_of(GOOD) | {"agent_tools.py": b""})
