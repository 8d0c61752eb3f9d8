"""The packages of agents' bundles, installed for real from the lock, with the package index."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from include.creator.generate import generate
from include.creator.request import GenerationRequest
from include.errors import ConfigurationError
from include.models import AgentType
from include.runtime.bundle import build_bundle, compute_sha256
from include.runtime.dependencies import LOCK
from include.runtime.dependency_build import build_dependencies

pytestmark = pytest.mark.system

UV = Path(sys.executable).with_name("uv")
SCRIPT = Path(__file__).with_name("nova_sonic.py")
NO_INDEX = ("Failed to fetch", "error sending request")
REQUEST = GenerationRequest(
    agent_id="a",
    agent_name="Desk",
    agent_type=AgentType.VOICE,
    sop="1. Greet.\n2. Never promise a date.",
    knowledge_base_description="Policies of the shop.",
    human_handoff_description="When a customer is hurt.",
    document_prefix="s3://b/u/a/",
    voice_config={"voice": "amy", "greeting": "Hello."},
)


def skip_without_index(message: str) -> None:
    if any(words in message for words in NO_INDEX):
        pytest.skip(f"no package index: {message[:200]}")


@pytest.fixture
def packages():
    try:
        return build_dependencies(LOCK, "PYTHON_3_13")
    except ConfigurationError as error:
        skip_without_index(error.message)
        raise


def run(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode:
        skip_without_index(done.stderr)
        pytest.fail(f"{command}: {done.stderr}")
    return done.stdout


@pytest.fixture
def python313(tmp_path):
    """A Python as AgentCore runs it, with the packages of the lock, for this machine."""
    versions = Path.home().glob(".pyenv/versions/3.13*/bin/python3.13")
    base = next(versions, None) or shutil.which("python3.13")
    if base is None:
        pytest.skip("no Python 3.13 here")
    folder = tmp_path / "venv"
    run(UV, "venv", "--quiet", "--no-config", "--python", base, folder)
    install = (UV, "pip", "install", "--quiet", "--no-config", "--no-deps", "--require-hashes")
    python = folder / "bin" / "python"
    run(*install, "--only-binary", ":all:", "--python", python, "--requirement", LOCK)
    return python


def test_the_lock_builds_the_same_bundle_twice(packages):
    again = build_dependencies(LOCK, "PYTHON_3_13")
    assert compute_sha256(again) == compute_sha256(packages)
    files = {"agent_file.py": b"print(1)", "agent.json": b"{}"}
    with zipfile.ZipFile(io.BytesIO(build_bundle(files, packages))) as archive:
        names = set(archive.namelist())
    assert {
        "strands/__init__.py",
        "strands/bidi/__init__.py",
        "aws_sdk_bedrock_runtime/client.py",
        "bedrock_agentcore/__init__.py",
        "boto3/__init__.py",
        "_awscrt.abi3.so",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("bin/")]


def test_the_locked_packages_talk_nova_sonic_s_protocol(python313, tmp_path, monkeypatch):
    for name, content in generate(REQUEST).files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    said = json.loads(run(python313, SCRIPT).splitlines()[-1])

    ready, *frames = said["frames"]
    assert ready["outputSampleRate"] == 24000
    assert [frame["type"] for frame in frames] == [
        *("tool", "transcript", "audio", "transcript", "done"),  # the cue to greet is not shown
        *("transcript", "transcript", "tool", "transcript", "audio", "transcript", "done"),
    ]
    assert frames[-1]["answer"] == "You have 30 days [1]."
    assert [c["document"] for c in frames[-1]["citations"]] == ["s3://b/u/a/returns.md"]

    heard = said["received"]
    prompt = next(event["promptStart"] for event in heard if "promptStart" in event)
    assert prompt["audioOutputConfiguration"]["voiceId"] == "amy"
    assert [tool["toolSpec"]["name"] for tool in prompt["toolConfiguration"]["tools"]] == [
        "retrieve",
        "hand_off_to_human",
    ]
    texts = [event["textInput"]["content"] for event in heard if "textInput" in event]
    assert "greeting: Hello." in texts[0]
    assert texts[1:] == ["The caller is on the line. Greet them.", "How long?"]
    results = [event["toolResult"]["content"] for event in heard if "toolResult" in event]
    assert "[1] (document: returns.md)" in results[-1]
    assert "audioInput" in [next(iter(event)) for event in heard]
