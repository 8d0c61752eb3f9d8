"""Models or rules: which of them makes a version, what it tells of them, and what is loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from include.creator.generate import generate_as_configured
from include.documents import read_code
from include.errors import AccessDeniedError, CodeRejectedError, ThrottledError
from include.naming import manifest_key
from tests import model_answers as answers
from tests.creation import create
from tests.killed_generation import build_request
from tests.model_answers import GOOD, SOP
from tests.model_generation import INVENTED, generate


def fall_back(ref, attempt):
    return generate_as_configured(build_request(ref.agent_id), ref, attempt).generator


def test_rules_take_over_when_no_model_may_be_asked(models, ref, configure):
    models.put({"kind": "access_denied", "operation": "Converse"})
    assert fall_back(ref, 1) == "rules"  # the default
    configure(CODE_GENERATOR="model")
    assert fall_back(ref, 1) == "rules"
    configure(CODE_GENERATOR_FALLBACK="false")
    with pytest.raises(AccessDeniedError):
        fall_back(ref, 1)


def test_rules_take_over_in_an_outage_only_after_some_tries(models, ref, configure):
    configure(CODE_GENERATOR="model")
    models.put({"kind": "throttle", "operation": "Converse"})
    with pytest.raises(ThrottledError):
        fall_back(ref, 2)
    assert fall_back(ref, 3) == "rules"


def test_refused_code_is_not_replaced_by_that_of_the_rules(models, ref, configure):
    configure(CODE_GENERATOR="model")
    models.script(*[answers.read(rules=INVENTED)] * 3)
    with pytest.raises(CodeRejectedError):
        fall_back(ref, 9)


@pytest.mark.usefixtures("no_airflow")
def test_the_version_tells_of_its_generator_and_its_cost(models, sign_in, configure):
    configure(CODE_GENERATOR="model")
    models.script(*GOOD)
    alice = sign_in()
    agent = create(alice, ("hours.md", b"The shop opens at nine and closes at six."), sop=SOP)
    [version] = alice.get(f"/api/agents/{agent.agent_id}/versions").json
    assert (agent.status, version["generator"]) == ("active", "model")
    assert version["generationCostUsd"] == pytest.approx(5 * (1000 * 3 + 100 * 15) / 1_000_000)
    assert [(u["role"], u["calls"]) for u in version["generationUsage"]] == [
        ("reader", 1), ("planner", 1), ("reviewer", 2), ("writer", 1)
    ]  # fmt: skip
    manifest = json.loads(read_code(manifest_key(agent.ref), None))
    assert manifest["generator"]["costUsd"] == version["generationCostUsd"]
    answer = alice.ask(agent.agent_id, "When does the shop open?").json
    assert "nine" in answer["answer"]


@pytest.mark.usefixtures("no_airflow")
def test_a_version_made_by_rules_costs_nothing(models, sign_in):
    alice = sign_in()
    agent = create(alice, ("hours.md", b"The shop opens at nine and closes at six."))
    [version] = alice.get(f"/api/agents/{agent.agent_id}/versions").json
    assert (version["generator"], version["generationCostUsd"]) == ("rules", 0)
    assert version["generationUsage"] == []


LOADED = """
import sys
from include.creator.generate import generate as rule_generate
from include.creator.generate import forget_generation, generate_as_configured
from include.models import AgentRef
from tests.model_answers import SOP
from include.creator.request import GenerationRequest
import include.creator.publish
request = GenerationRequest("a", "Desk", "text", SOP, "d", "h", "s3://b/u/a/")
generate_as_configured(request, AgentRef("u", "a", 1), 1)
print(sorted({"dspy", "langgraph", "litellm", "langchain_core"} & sys.modules.keys()))
"""


def test_the_rules_load_nothing_of_the_models():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_litellm_is_never_loaded(models, ref):
    models.script(*GOOD)
    generate(ref)
    assert "litellm" not in sys.modules
