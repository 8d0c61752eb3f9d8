"""A generation that was cut short goes on where it was: what is done is not paid for again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from include.creator import check
from include.creator.generate import forget_generation
from include.creator.model.checkpoints import BucketSaver
from include.creator.render import read_template
from include.creator.source import Finding
from include.errors import CodeRejectedError, ThrottledError
from include.models import AgentRef
from tests import model_answers as answers
from tests.killed_generation import build_request, judge
from tests.model_answers import GOOD
from tests.model_generation import MARKERS, count_calls, generate


def test_the_same_request_is_not_paid_for_again(models, ref):
    models.script(*GOOD)
    first = generate(ref)
    later = AgentRef(ref.user_id, ref.agent_id, 2)
    assert generate(later).files == first.files
    assert len(models.model_calls()) == 5


def test_a_forgotten_generation_starts_anew(models, ref, configure):
    models.script(*GOOD, *GOOD)
    generate(ref)
    request = build_request(ref.agent_id)
    forget_generation(request, ref)  # by rules: there is nothing to forget
    generate(ref)
    assert len(models.model_calls()) == 5
    configure(CODE_GENERATOR="model")
    forget_generation(request, ref)
    generate(ref)
    assert len(models.model_calls()) == 10


def test_an_outage_costs_no_finished_node(models, ref):
    models.script(*GOOD)
    models.put({"kind": "throttle", "operation": "Converse", "match": MARKERS["write"]})
    with pytest.raises(ThrottledError):
        generate(ref)
    assert count_calls(models) == {"reader": 1, "planner": 1, "reviewer": 1}
    models.clear()
    generate(ref)
    assert len(models.model_calls()) == 5


HOLDS = {task: {"operation": "Converse", "match": words} for task, words in MARKERS.items()}
HOLDS["check"] = {"operation": "HeadBucket"}  # the judge's own call


@pytest.mark.parametrize("node", HOLDS)
def test_a_killed_generation_goes_on_where_it_was(models, ref, node):
    models.script(
        *GOOD[:3],
        answers.draft(code=answers.with_code("import socket")),
        answers.accept("review"),
        answers.draft("repair"),
        answers.accept("review"),
    )
    models.put({"kind": "hold", **HOLDS[node]})
    command = [sys.executable, "-m", "tests.killed_generation", ref.agent_id]
    with subprocess.Popen(command) as process:
        models.wait_until_held(1)
        process.kill()
    models.wait_until_held(0)
    models.clear()
    paid = len(models.model_calls())
    assert generate(ref, judge).files["agent_file.py"] == read_template()
    assert paid < 7 or node == "check"
    assert count_calls(models) == {
        "reader": 1, "planner": 1, "writer": 1, "reviewer": 3, "repairer": 1
    }  # fmt: skip


def test_a_node_whose_result_was_written_is_not_run_again(models, ref, monkeypatch):
    """Killed between the two objects: the result is there, the checkpoint after it is not."""
    models.script(*GOOD)
    put = BucketSaver.put

    def die_after_the_plan(self, config, checkpoint, *rest):
        if "plan" in checkpoint["channel_values"]:
            raise SystemExit
        return put(self, config, checkpoint, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(BucketSaver, "put", die_after_the_plan)
        with pytest.raises(SystemExit):
            generate(ref)
    assert count_calls(models) == {"reader": 1, "planner": 1}
    generate(ref)
    assert len(models.model_calls()) == 5


def test_a_gate_that_has_become_stricter_starts_the_generation_anew(models, ref, monkeypatch):
    models.script(*GOOD[:3], answers.draft(code=answers.with_code("LIMIT = 3")), *GOOD[4:], *GOOD)
    generate(ref)
    with monkeypatch.context() as patch:
        patch.setattr(check, "RULES", (*check.RULES, refuse_limits))
        with pytest.raises(CodeRejectedError, match="LIMIT"):
            generate(ref)
        assert b"LIMIT" not in generate(ref).files["agent_file.py"]


def refuse_limits(module):
    if module.bindings["LIMIT"]:
        yield Finding(1, "name", "may not use LIMIT")
