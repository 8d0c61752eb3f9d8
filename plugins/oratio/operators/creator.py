"""The step that turns an SOP into code."""

from __future__ import annotations

from include.creator.publish import publish_code
from include.models import Agent
from oratio.operators.step import StepOperator


class GenerateCodeOperator(StepOperator):
    """Generates, checks and uploads the agent's code."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Generate the code; the same input gives the same bundle."""
        publish_code(agent)
