"""Agents made by models, in a stack of their own: a killed task goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.chaos.kills import KILLS
from tests.model_answers import GOOD, SOP
from tests.steering import Steering
from tests.system.conftest import run_stack

pytestmark = pytest.mark.system

DOCUMENT = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six."}
WRITERS_TASK = "still had against the plan"


@pytest.fixture
def stack_of_models() -> Iterator[Any]:
    """A stack whose generator asks models; a fall-back to rules would hide what this is about."""
    with TemporaryDirectory(prefix="stack-") as folder:
        settings = {"CODE_GENERATOR": "model", "CODE_GENERATOR_FALLBACK": "false"}
        with run_stack(Path(folder), **settings) as running:
            yield running


def test_a_killed_task_goes_on_and_no_answer_is_paid_for_twice(stack_of_models: Any) -> None:
    models = Steering(stack_of_models.settings.aws_url)
    models.script(*GOOD)
    models.put({"kind": "hold", "operation": "Converse", "match": WRITERS_TASK, "count": 1})
    tenant = stack_of_models.tenant("modeled")
    created = tenant.create(DOCUMENT, sop=SOP)
    models.wait_until_held(1)
    assert KILLS["task"](stack_of_models) > 0
    models.wait_until_held(0)
    agent = tenant.wait_for(created["agentId"], "active")
    assert agent["steps"]["generate_code"]["attempt"] == 2
    roles = [call["requestMetadata"]["role"] for call in models.model_calls() if call["scripted"]]
    assert roles == ["reader", "planner", "reviewer", "writer", "reviewer"]
    answer = tenant.http.get(f"/api/agents/{agent['agentId']}/versions")
    [version] = answer.json()
    assert (version["generator"], version["generationCostUsd"]) == ("model", 0.0225)
    assert "nine" in tenant.ask(agent["agentId"], "When does the shop open?")["answer"]
