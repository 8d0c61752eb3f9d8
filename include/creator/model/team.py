"""Asks the roles: DSPy predictors with their compiled prompts, each over its own model."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError, DSPyError

from include.creator.model.engine import ConverseEngine
from include.creator.model.roles import Role
from include.creator.model.signatures import DATA, SIGNATURES
from include.errors import ModelAnswerError, OratioError
from include.models import ModelUsage

COMPILED = Path(__file__).with_name("compiled.json")
ROLES = {
    "read": Role.READER,
    "plan": Role.PLANNER,
    "review_plan": Role.REVIEWER,
    "write": Role.WRITER,
    "review": Role.REVIEWER,
    "repair": Role.REPAIRER,
}


class Team:
    """The models that work on one agent."""

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id

    def ask(self, task: str, **inputs: Any) -> tuple[dspy.Prediction, list[ModelUsage]]:
        """One task done, and what it cost; an answer out of form is asked for once more, as JSON.

        :raises ModelAnswerError: when that has no form either.
        """
        engine = ConverseEngine(ROLES[task], self.agent_id)
        # Neither cached nor retried by DSPy: checkpoints and the AWS client do that.
        lm = dspy.LM(engine.model_id, engine=engine, cache=False, num_retries=0)
        with dspy.context(lm=lm, adapter=dspy.ChatAdapter(), disable_history=True):
            try:
                return get_predictors()[task](**inputs), engine.calls
            except AdapterParseError as error:
                raise ModelAnswerError(
                    f"The {engine.role}'s model {engine.model_id} did not keep to the form of its "
                    "answer. Retry the agent; if it fails again, have another model chosen."
                ) from error
            except DSPyError as error:
                if isinstance(error.__cause__, OratioError):
                    raise error.__cause__ from error
                raise


@cache
def get_predictors() -> dict[str, dspy.Predict]:
    """A typed predictor for each task, with its compiled instructions and examples."""
    states = json.loads(COMPILED.read_text(encoding="utf-8"))["tasks"]
    predictors = {task: dspy.Predict(signature) for task, signature in SIGNATURES.items()}
    for task, predictor in predictors.items():
        predictor.load_state(states[task])
        instructions = f"{predictor.signature.instructions}\n{DATA}"
        predictor.signature = predictor.signature.with_instructions(instructions)
    return predictors
