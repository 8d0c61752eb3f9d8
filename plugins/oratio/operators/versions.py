"""Steps that make a new version of a serving agent, and let it take over."""

from __future__ import annotations

from typing import Any

from include.approval import require_approved
from include.models import Agent
from include.runtime.deploy import deploy_version
from include.runtime.verify import verify_version
from include.versions import promote_version, record_version
from oratio.operators.step import StepOperator


class DeployVersionOperator(StepOperator):
    """Deploys the new code beside the version that serves."""

    def work(self, agent: Agent, redo: bool) -> dict[str, Any]:
        """Make the version, unless its code serves already, or needs approval and has none."""
        require_approved(agent)
        return deploy_version(agent, redo)


class VerifyVersionOperator(StepOperator):
    """Asks the new version about the agent's documents before customers can."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Ask one question and check what the answer cites."""
        verify_version(agent)


class PromoteVersionOperator(StepOperator):
    """Points the endpoint of customers at the version."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Move the endpoint and wait until it serves the version."""
        promote_version(agent)


class RecordVersionOperator(StepOperator):
    """Tells the tenant which version serves."""

    def work(self, agent: Agent, redo: bool) -> dict[str, Any]:
        """Everything that ends the run, written with the step's success."""
        return record_version(agent)
