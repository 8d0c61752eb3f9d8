"""The generator that lets models read, plan, write and review, and goes on where it was killed."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict
from typing import Any, cast

from langgraph.graph.state import CompiledStateGraph
from langsmith import tracing_context

from include.creator.check import ensure_accepted
from include.creator.model.checkpoints import BucketSaver
from include.creator.model.drafts import Draft
from include.creator.model.graph import GenerationGraph, Judge, State
from include.creator.model.output import build_files, read_prompt
from include.creator.model.roles import Role, get_model_id
from include.creator.model.team import COMPILED, Team
from include.creator.model.usage import sum_usage
from include.creator.request import GeneratedCode, GenerationRequest
from include.creator.spec import AgentSpec
from include.errors import CodeRejectedError
from include.models import AgentRef, ModelUsage

logger = logging.getLogger(__name__)

MAX_STEPS = 60  # of the graph: more than all its rounds together
SHOWN_FINDINGS = 5


class ModelGenerator:
    """Generates by the graph; asked the same again, it answers from its last checkpoint.

    `judge` is the trial: it says what is wrong with the behavior of an agent's files.
    """

    name = "model"
    version = "1"

    def __init__(self, ref: AgentRef, judge: Judge | None = None) -> None:
        self.ref = ref
        self.judge = judge

    def generate(self, request: GenerationRequest) -> GeneratedCode:
        """Run the graph to its end; no call that was paid for is made again.

        :raises CodeRejectedError: with the findings that are left after all rounds. They are
            forgotten: trying again starts anew.
        :raises ModelAnswerError: when a model does not keep to the form of its answers.
        """
        saver = BucketSaver(self.ref)
        graph = GenerationGraph(request, Team(request.agent_id), self.judge).build()
        thread = self.build_thread(request)
        state = run(graph.compile(checkpointer=saver), thread)
        usage = sum_usage(ModelUsage.model_validate(call) for call in state["usage"])
        log_usage(self.ref, usage)
        if state["findings"]:
            self.forget(request)
            raise CodeRejectedError(describe_findings(state["findings"]))
        draft = Draft.model_validate(state["draft"])
        spec = AgentSpec.model_validate(state["spec"])
        files = build_files(request, spec, draft)
        try:
            ensure_accepted(files)
        except CodeRejectedError:  # by a gate that has become stricter since the checkpoint
            self.forget(request)
            raise
        return GeneratedCode(
            files,
            read_prompt(files),
            spec,
            self.name,
            self.version,
            scenario_hints=draft.scenarios,
            usage=tuple(usage),
        )

    def forget(self, request: GenerationRequest) -> None:
        """Throw away what was made of this request."""
        BucketSaver(self.ref).delete_thread(self.build_thread(request))

    def build_thread(self, request: GenerationRequest) -> str:
        """Name of the work on this request by these models: another one starts anew."""
        of = {
            "request": asdict(request),
            "models": [get_model_id(role) for role in Role],
            "version": self.version,
            "prompts": hashlib.sha256(COMPILED.read_bytes()).hexdigest(),
        }
        return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:32]


def run(graph: CompiledStateGraph[Any, Any, Any, Any], thread: str) -> State:
    """The state in which the graph ends, from the start or from where its thread stands."""
    config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": MAX_STEPS}
    # Else a variable in the environment could send tenants' texts to a tracing service.
    with tracing_context(enabled=False):
        saved = graph.get_state(config)
        # `next` leaves out a node whose result is written, although the graph goes on after it.
        if saved.values and not saved.tasks:
            return cast(State, saved.values)
        start: Any = None if saved.values else {"readings": 0, "usage": []}
        # Written before the next node begins: a kill costs the node that was running, no other.
        return cast(State, graph.invoke(start, config, durability="sync"))


def describe_findings(findings: list[str]) -> str:
    """The first findings in a sentence."""
    shown = "; ".join(finding.rstrip(".") for finding in findings[:SHOWN_FINDINGS])
    more = len(findings) - SHOWN_FINDINGS
    rest = f" (and {more} more)" if more > 0 else ""
    return f"No code was accepted within the rounds allowed: {shown}{rest}. Retry the agent."


def log_usage(ref: AgentRef, usage: list[ModelUsage]) -> None:
    """Say what was used, also where no version will tell of it."""
    for role in usage:
        logger.info(
            "agent_id=%s role=%s model_id=%s calls=%d input_tokens=%d output_tokens=%d cost_usd=%s",
            ref.agent_id,
            role.role,
            role.model_id,
            role.calls,
            role.input_tokens,
            role.output_tokens,
            role.cost_usd,
        )
