"""Requests in, files out: deterministic, exact, and never a word of the tenant in the code."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from include.creator import render
from include.creator.generate import generate
from include.creator.request import GeneratedCode, GenerationRequest
from include.errors import CodeRejectedError, InvalidInputError
from include.models import AgentType

REQUEST = GenerationRequest(
    agent_id="0b9a",
    agent_name="Desk",
    agent_type=AgentType.TEXT,
    sop="1. Greet.\n2. Never promise a date.\n3. Escalate to a manager when asked.",
    knowledge_base_description="Policies of the shop.",
    human_handoff_description="When a customer is hurt.",
    document_prefix="s3://bucket/user/agent/",
    text_config={"tone": "warm", "unknown": 1},
)


def config_of(code):
    return json.loads(code.files["agent.json"])


def test_files_and_config():
    code = generate(REQUEST)
    assert sorted(code.files) == ["agent.json", "agent_file.py"]
    config = config_of(code)
    assert config["systemPrompt"] == code.prompt
    assert config["documentPrefix"] == "s3://bucket/user/agent/"
    assert config["numberOfResults"] == 5
    assert "Policies of the shop." in config["retrieveDescription"]
    assert "When a customer is hurt." in config["handOffDescription"]
    assert "Escalate to a manager when asked." in config["handOffDescription"]
    assert code.generator == "rules"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sop", "Never lie.\ud800"),
        ("agent_name", "\udfff"),
        ("text_config", {"tone": ["\ud83d"]}),
    ],
)
def test_half_a_character_is_refused_by_name(field, value):
    with pytest.raises(InvalidInputError, match=f"{field} holds half a character") as caught:
        dataclasses.replace(REQUEST, **{field: value})
    assert caught.value.field == field


def test_same_request_same_bytes():
    assert generate(REQUEST) == generate(dataclasses.replace(REQUEST))


def test_the_template_is_pinned(tmp_path, monkeypatch):
    changed = tmp_path / "agent_file.py"
    changed.write_bytes(render.TEMPLATE.read_bytes() + b"\n")
    monkeypatch.setattr(render, "TEMPLATE", changed)
    render.read_template.cache_clear()
    with pytest.raises(CodeRejectedError, match=hashlib.sha256(changed.read_bytes()).hexdigest()):
        generate(REQUEST)
    render.read_template.cache_clear()


class HostileGenerator:
    name = "hostile"

    def generate(self, request):
        code = generate(request)
        return dataclasses.replace(code, files={**code.files, "agent_file.py": b"import os"})


def test_every_generator_passes_the_same_gate():
    assert isinstance(generate(REQUEST), GeneratedCode)
    with pytest.raises(CodeRejectedError):
        generate(REQUEST, HostileGenerator())


NASTY = ['"""', "'''", "{{ x }}", "{0}", "\\", "\x00", "\u2028", "\u202e", "`", "$(id)"]


@given(st.text(max_size=500))
@example('"""\nimport os\nos.system("id")\n"""')
@example("".join(NASTY))
def test_any_text_comes_back_exactly_and_never_becomes_code(text):
    request = dataclasses.replace(
        REQUEST,
        sop=text,
        agent_name=text,
        knowledge_base_description=text,
        human_handoff_description=text,
    )
    code = generate(request)
    assert config_of(code)["sop"] == text
    assert code.files["agent_file.py"] == render.TEMPLATE.read_bytes()
    code.prompt.encode("utf-8")  # a model takes it


def test_hundreds_of_random_texts_come_back_exactly():
    source = random.Random(7)
    for _ in range(300):
        text = "".join(source.choice([*NASTY, "a", "\n", "1. ", "never "]) for _ in range(20))
        code = generate(dataclasses.replace(REQUEST, sop=text))
        assert config_of(code)["sop"] == text
