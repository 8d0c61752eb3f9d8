"""Steps that put an agent's code to work on AgentCore."""

from __future__ import annotations

from include.approval import require_approved
from include.models import Agent
from include.runtime.deploy import deploy_runtime
from include.runtime.verify import verify_agent
from oratio.operators.step import StepOperator


class DeployRuntimeOperator(StepOperator):
    """Deploys the bundle and points the endpoint at it."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Find, create or update runtime and endpoint, unless approval is required and missing."""
        require_approved(agent)
        deploy_runtime(agent, redo)


class VerifyAgentOperator(StepOperator):
    """Asks the deployed agent about its own documents."""

    def work(self, agent: Agent, redo: bool) -> None:
        """Ask one question and check what the answer cites."""
        verify_agent(agent)
