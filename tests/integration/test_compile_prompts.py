"""Compiling the reader's prompt, against a scripted model."""

from __future__ import annotations

import json

import pytest

from benchmarks import compile_prompts
from include.creator.spec import AgentSpec
from tests import model_answers as answers
from tests.steering import Steering

WRONG = answers.SPEC | {"prohibitions": []}
INVENTED = answers.SPEC | {"rules": [{"text": "Sing.", "first_line": 1, "last_line": 1}]}
ADDED = answers.SPEC | {
    "escalations": [
        *answers.SPEC["escalations"],
        {"text": "Greet the customer.", "first_line": 2, "last_line": 2},
    ]
}


@pytest.fixture
def models(stand_in):
    steering = Steering(stand_in.url)
    yield steering
    steering.unscript()


@pytest.fixture
def folder(tmp_path):
    for name in ("a.md", "b.txt"):
        (tmp_path / name).write_text(answers.SOP)
        (tmp_path / name).with_suffix(".json").write_text(json.dumps(answers.SPEC))
    (tmp_path / "unreviewed.md").write_text("Say hello.")
    return tmp_path


def example():
    return compile_prompts.build_example(answers.SOP, AgentSpec.model_validate(answers.SPEC))


@pytest.mark.parametrize(
    ("spec", "score"),
    [(answers.SPEC, 1), (WRONG, 0.8), (ADDED, 0.9), (INVENTED, (4 + 4 / 5) / 5)],
    ids=["perfect", "prohibition missed", "escalation too many", "invented"],
)
def test_the_metric(spec, score):
    class Read:
        pass

    Read.spec = AgentSpec.model_validate(spec)
    assert compile_prompts.score_reading(example(), Read) == pytest.approx(score)


def test_compiled_from_the_examples_of_a_folder(models, folder, tmp_path):
    models.script(answers.read() | {"count": None})
    examples = list(compile_prompts.read_examples(folder))
    assert len(examples) == 2
    reader, report = compile_prompts.compile_reader(examples)
    assert (report["score"], report["note"]) == (1.0, "Compiled on 1 SOPs, scored on 1.")
    target = tmp_path / "compiled.json"
    compile_prompts.write(target, reader, report)
    [demo] = json.loads(target.read_text())["tasks"]["read"]["demos"]
    assert "Never promise a refund." in demo["procedure"]
    assert "sop" not in demo
    assert len(models.model_calls()) <= 4


def test_a_bad_reading_is_no_example_and_lowers_the_score(models, folder):
    models.script(answers.read(prohibitions=[]) | {"count": None})
    _, report = compile_prompts.compile_reader(list(compile_prompts.read_examples(folder)))
    assert report["score"] == 0.8


def test_what_is_committed_is_what_was_made_by_hand(tmp_path):
    """Unless it was compiled; then delete this test's subject, not the file."""
    report = json.loads(compile_prompts.COMPILED.read_text())["read"]
    if report["modelId"]:
        pytest.skip("compiled with a model")
    compile_prompts.write(tmp_path / "c.json", compile_prompts.build_by_hand(), report)
    assert (tmp_path / "c.json").read_text() == compile_prompts.COMPILED.read_text()
