"""What is left of a step when its wait is over: done where the wait was, so that no worker starts.

A deletion waits for steps in the middle of their work in a worker, but cannot see this. So nothing
is created here that could outlive it: only parts of what exists already.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from include import records
from include.errors import NotReadyError
from include.knowledge.bases import resume_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import Agent, AgentRef, StepStatus
from include.runtime.deploy import resume_deployment, resume_version
from include.steps import end_step
from include.tracing import trace_step
from include.versions import promote_version

LOG = logging.getLogger(__name__)

FINISHES: Mapping[str, Callable[[Agent], dict[str, Any] | None]] = {
    "ensure_knowledge_base": resume_knowledge_base,
    "ingest_documents": lambda agent: ingest_documents(agent, redo=False),
    "deploy_runtime": resume_deployment,
    "deploy_version": resume_version,
    "promote_version": promote_version,
}


def finish_step(ref: AgentRef, name: str) -> bool:
    """Do what is left of a waiting step and record its success; False: the step itself must run.

    A failure is not recorded: the step will meet it again, and report it.

    :raises NotReadyError: when something else is changing still.
    """
    try:
        agent = records.get_current_agent(ref)
        step = agent.steps.get(name)
        if name not in FINISHES or step is None or step.status != StepStatus.WAITING:
            return False
        with trace_step(agent, name, step.attempt):
            attributes = FINISHES[name](agent) or {}
        end_step(ref, name, step, None, **attributes)
    except NotReadyError:
        raise
    except Exception:
        LOG.info("agent_id=%s %s must run again", ref.agent_id, name, exc_info=True)
        return False
    return True
