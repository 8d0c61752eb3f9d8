"""Compiles the prompts of the model generator: `python -m benchmarks.compile_prompts`.

Writes include/creator/model/compiled.json. The reader's examples are chosen by DSPy among SOPs with
a reviewed specification (`--examples`, pairs NAME.md or NAME.txt and NAME.json), by `score_reading`
over the model of READER_MODEL_ID; this asks the model some two times for each SOP. The other tasks
have no labeled examples: their instructions are written by hand, in signatures.py.

`--hand-made` asks no model: the reader gets the example below, and no score.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dspy

from include.creator.model.engine import ConverseEngine
from include.creator.model.evidence import GUARDED, find_inventions, find_statements, read_words
from include.creator.model.graph import number_lines
from include.creator.model.roles import Role
from include.creator.model.signatures import SIGNATURES
from include.creator.model.team import COMPILED
from include.creator.prompt import delimit
from include.creator.sop import read_sop
from include.creator.spec import AgentSpec

ROOT = Path(__file__).parents[1]
METRIC = (
    "score_reading of benchmarks/compile_prompts.py: the mean of how many of the reviewed "
    "prohibitions and escalations were found, how many of those found are right, and how many of "
    "all items stand in the lines they name; 1 is perfect"
)
HAND_MADE_NOTE = (
    "Written by hand, not optimized: no language model could be reached where this was made. "
    "Compile again with your own models before you rely on it (docs/generator.md)."
)
HAND_MADE_SOP = """\
# Parcel lockers: help line
You answer for the operator of the lockers.
1. Ask for the locker's number and the pick-up code's last two digits.
2. If the door does not open, send an engineer's link. Otherwise explain the display.
Do not open a locker for a caller who is not the addressee.
Anything that smells or leaks goes to the duty manager at once.
Stay calm and brief."""
HAND_MADE_SPEC: dict[str, Any] = {
    "title": "Parcel lockers: help line",
    "role": {"text": "You answer for the operator of the lockers.", "lines": (2, 2)},
    "tone": [{"text": "Stay calm and brief.", "lines": (7, 7)}],
    "steps": [
        {
            "text": "Ask for the locker's number and the pick-up code's last two digits.",
            "lines": (3, 3),
            "label": "1",
        },
        {
            "text": "If the door does not open, send an engineer's link. "
            "Otherwise explain the display.",
            "lines": (4, 4),
            "label": "2",
            "conditions": [
                {
                    "text": "If the door does not open, send an engineer's link.",
                    "lines": (4, 4),
                    "when": "the door does not open",
                    "then": "send an engineer's link",
                    "otherwise": "explain the display",
                }
            ],
        },
    ],
    "prohibitions": [
        {
            "text": "Do not open a locker for a caller who is not the addressee.",
            "lines": (5, 5),
        }
    ],
    "escalations": [
        {
            "text": "Anything that smells or leaks goes to the duty manager at once.",
            "lines": (6, 6),
        }
    ],
    "facts_to_collect": [
        {
            "text": "Ask for the locker's number and the pick-up code's last two digits.",
            "lines": (3, 3),
        }
    ],
}


def main() -> None:
    """Compile, or write what was made by hand."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=Path, default=ROOT / "tests" / "sops")
    parser.add_argument("--hand-made", action="store_true")
    arguments = parser.parse_args()
    if arguments.hand_made:
        reader, report = build_by_hand(), describe(None, None, HAND_MADE_NOTE)
    else:
        reader, report = compile_reader(list(read_examples(arguments.examples)))
    write(COMPILED, reader, report)
    print(json.dumps(report, indent=1))


def build_by_hand() -> dspy.Predict:
    """The reader with the example above."""
    spec = AgentSpec.model_validate(expand(HAND_MADE_SPEC))
    return add_examples(dspy.Predict(SIGNATURES["read"]), [build_example(HAND_MADE_SOP, spec)])


def compile_reader(examples: list[dspy.Example]) -> tuple[dspy.Predict, dict[str, Any]]:
    """The reader with the example that served best, tried on the other half of them."""
    engine = ConverseEngine(Role.READER, "compile")
    lm = dspy.LM(engine.model_id, engine=engine, cache=False, num_retries=0)
    learned, tried = examples[::2], examples[1::2] or examples
    optimizer = dspy.BootstrapFewShot(
        metric=is_good_reading, max_bootstrapped_demos=1, max_labeled_demos=1, max_rounds=1
    )
    with dspy.context(lm=lm, adapter=dspy.ChatAdapter(), disable_history=True):
        reader = optimizer.compile(dspy.Predict(SIGNATURES["read"]), trainset=learned)
        scores = [score_reading(example, reader(**example.inputs())) for example in tried]
    score = round(sum(scores) / len(scores), 3)
    note = f"Compiled on {len(learned)} SOPs, scored on {len(tried)}."
    return reader, describe(engine.model_id, score, note)


def is_good_reading(example: dspy.Example, read: Any, trace: Any = None) -> bool:
    """Whether a reading may serve as an example: only a perfect one."""
    return score_reading(example, read) == 1


def score_reading(example: dspy.Example, read: Any, trace: Any = None) -> float:
    """How good a reading is, 0 to 1; see METRIC."""
    parts = [
        share
        for name in GUARDED
        for share in compare(getattr(example.spec, name), getattr(read.spec, name))
    ]
    stated = len(list(find_statements(read.spec)))
    invented = len(find_inventions(read.spec, example.sop, read_sop(example.sop)))
    parts.append(1 - invented / stated if stated else 0)
    return float(sum(parts) / len(parts))


def compare(wanted: tuple[Any, ...], found: tuple[Any, ...]) -> tuple[float, float]:
    """Which share of the wanted was found, and which share of what was found is wanted."""
    right = {read_words(item.text) for item in wanted}
    given = {read_words(item.text) for item in found}
    both = len(right & given)
    return both / len(right) if right else 1, both / len(given) if given else 1


def read_examples(folder: Path) -> Iterator[dspy.Example]:
    """Every SOP of the folder that has a reviewed specification beside it."""
    for path in sorted([*folder.glob("*.md"), *folder.glob("*.txt")]):
        expected = path.with_suffix(".json")
        if expected.exists():
            spec = AgentSpec.model_validate_json(expected.read_text(encoding="utf-8"))
            yield build_example(path.read_text(encoding="utf-8"), spec)


def build_example(sop: str, spec: AgentSpec) -> dspy.Example:
    """An SOP as the reader is asked about it, and the right answer."""
    procedure = delimit("procedure", number_lines(sop))
    example = dspy.Example(procedure=procedure, findings=[], spec=spec, sop=sop)
    return example.with_inputs("procedure", "findings")


def add_examples(predictor: dspy.Predict, examples: list[dspy.Example]) -> dspy.Predict:
    """The predictor with exactly these examples, the first of them first."""
    return dspy.LabeledFewShot(k=len(examples)).compile(predictor, trainset=examples, sample=False)


def expand(value: Any) -> Any:
    """`lines` as first_line and last_line, at any depth."""
    if isinstance(value, list):
        return [expand(member) for member in value]
    if not isinstance(value, dict):
        return value
    expanded = {name: expand(member) for name, member in value.items() if name != "lines"}
    first, last = value.get("lines", (None, None))
    return expanded | ({"first_line": first, "last_line": last} if first else {})


def describe(model_id: str | None, score: float | None, note: str) -> dict[str, Any]:
    """What the reader's prompt was compiled for, and how well it did."""
    return {"metric": METRIC, "score": score, "modelId": model_id, "note": note}


def write(path: Path, reader: dspy.Predict, report: dict[str, Any]) -> None:
    """The compiled prompts of all tasks, with the report."""
    predictors = {task: dspy.Predict(signature) for task, signature in SIGNATURES.items()}
    tasks = {task: predictor.dump_state() for task, predictor in predictors.items()}
    tasks["read"] = clean(reader.dump_state())
    text = json.dumps({"read": report, "tasks": tasks}, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def clean(state: dict[str, Any]) -> dict[str, Any]:
    """A predictor's state, its examples without what only the metric needs and what is empty."""
    demos = [{k: v for k, v in demo.items() if k != "sop"} for demo in state["demos"]]
    for demo in demos:
        spec = AgentSpec.model_validate(demo["spec"])
        demo["spec"] = spec.model_dump(mode="json", exclude_defaults=True)
    return state | {"demos": demos, "traces": [], "train": []}


if __name__ == "__main__":
    main()
