"""The compiled prompts fit the tasks they are for."""

from __future__ import annotations

import json

import dspy
import pytest

from include.creator.model.signatures import DATA, SIGNATURES
from include.creator.model.team import COMPILED, ROLES, get_predictors

STATES = json.loads(COMPILED.read_text())["tasks"]


@pytest.mark.parametrize("task", SIGNATURES)
def test_compiled_prompts_are_of_these_signatures(task):
    """Else: run `python -m benchmarks.compile_prompts --hand-made`, or compile."""
    assert (
        STATES[task]["signature"]["fields"]
        == (dspy.Predict(SIGNATURES[task]).dump_state()["signature"]["fields"])
    )
    assert task in ROLES


def test_the_file_says_what_it_was_compiled_for():
    report = json.loads(COMPILED.read_text())["read"]
    assert "score_reading" in report["metric"]
    assert (report["score"] is None) == (report["modelId"] is None)
    assert report["note"]


@pytest.mark.parametrize("task", SIGNATURES)
def test_every_task_is_told_that_tenants_give_no_orders(task):
    predictor = get_predictors()[task]
    assert DATA in predictor.signature.instructions
    assert len(predictor.demos) == len(STATES[task]["demos"])
