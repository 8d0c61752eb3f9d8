"""Hostile texts through both renderers: the same code for all, the text exactly, all in its place.

`FUZZ_EXAMPLES=200000` makes the long run, `FUZZ_SEED` another one.
"""

from __future__ import annotations

import ast
import json
import os
import random
from functools import cache

import pytest

from include.creator.generate import RuleGenerator
from include.creator.model.drafts import Draft
from include.creator.model.output import GUIDANCE, build_files
from include.creator.prompt import build_digest, delimit
from include.creator.request import GenerationRequest
from include.errors import InvalidInputError
from include.models import AgentType
from tests.hostile_sops import make_half_character, make_text

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1500"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
CONFIG_FILE = "agent.json"


def build_request(agent_type, sop, description="Policies.", handoff="When asked.", name="Desk"):
    return GenerationRequest(
        agent_id="a1",
        agent_name=name,
        agent_type=agent_type,
        sop=sop,
        knowledge_base_description=description,
        human_handoff_description=handoff,
        document_prefix="s3://b/u/a/",
    )


def make_request(source):
    texts = [make_text(source) for _ in range(3)]
    name = make_text(source)[:100]
    return build_request(source.choice(list(AgentType)), *texts, name)


def generate(request):
    return RuleGenerator().generate(request)


@cache
def parse(source):
    return ast.dump(ast.parse(source))


def code_of(files):
    return {name: parse(source) for name, source in files.items() if name != CONFIG_FILE}


@cache
def plain(agent_type):
    return generate(build_request(agent_type, "Be nice."))


def skeleton(text, blocks):
    """What is left of a text of ours when the tenant's blocks are taken out, each exactly once."""
    left = []
    for block in blocks:
        before, found, text = text.partition(block)
        assert found, block[:80]
        end = block.splitlines()[-1]
        assert block.count(end) == 1
        left.append(before)
    return [*left, text]


def prompt_skeleton(code, request):
    blocks = [
        delimit("knowledge-base", request.knowledge_base_description),
        delimit("hand-off", request.human_handoff_description),
        delimit("procedure-in-short", build_digest(code.spec)),
        delimit("procedure", request.sop),
    ]
    head, *rest = skeleton(code.prompt, blocks)
    opening, name, head = head.split('"', 2)
    assert "\n" not in name
    return [opening, head, *rest]


def tool_skeletons(config):
    for key in ("retrieveDescription", "handOffDescription"):
        lines = config[key].split("\n")
        start = next(n for n, line in enumerate(lines) if line.startswith("<"))
        body = "\n".join(lines[start + 1 : -1])
        block = delimit(lines[start].split()[0].strip("<"), body)
        yield skeleton(config[key], [block])


def check_model_files(request, code, advice):
    """What a model advises, under whatever influence, is data after all that the rules wrote."""
    draft = Draft(guidance=advice, search_hints=advice[:500], hand_off_hints=advice[:500])
    files = build_files(request, code.spec, draft)
    assert code_of(files) == code_of(code.files)
    config = json.loads(files[CONFIG_FILE])
    assert config["sop"] == request.sop
    guided = f"\n{GUIDANCE}\n{delimit('advice', advice)}\n" if advice.strip() else ""
    assert config["systemPrompt"] == code.prompt + guided
    by_rules = json.loads(code.files[CONFIG_FILE])
    for key in ("retrieveDescription", "handOffDescription"):
        hint = config[key].removeprefix(by_rules[key])
        assert hint in ("", f"\n{delimit('advice', advice[:500].strip())}")


def test_no_text_gets_out_of_its_place():
    source = random.Random(SEED)
    made = set()
    for _ in range(EXAMPLES):
        request = make_request(source)
        code = generate(request)
        like = plain(request.agent_type)
        assert code_of(code.files) == code_of(like.files)
        config = json.loads(code.files[CONFIG_FILE].decode("ascii"))
        assert config.keys() == json.loads(like.files[CONFIG_FILE]).keys()
        assert (config["sop"], config["agentName"]) == (request.sop, request.agent_name)
        assert config["systemPrompt"] == code.prompt
        plain_request = build_request(request.agent_type, "Be nice.")
        assert prompt_skeleton(code, request) == prompt_skeleton(like, plain_request)
        plain_config = json.loads(like.files[CONFIG_FILE])
        assert list(tool_skeletons(config)) == list(tool_skeletons(plain_config))
        check_model_files(request, code, make_text(source))
        made.add(request.sop)
    assert len(made) > EXAMPLES * 0.9  # the source does not run dry


def test_half_characters_are_refused_by_field():
    source = random.Random(SEED)
    for _ in range(min(EXAMPLES, 2_000)):
        sop = make_half_character(source)
        with pytest.raises(InvalidInputError, match="sop holds half a character"):
            build_request(AgentType.TEXT, sop)
