"""The graph of a generation: read, plan, review, write, review, check, repair.

Its state is plain data, so that a checkpoint of it can be read by the next process. Whatever is
left in `findings` at the end is why there is no code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import add
from typing import Annotated, Any, Literal, TypedDict

from langgraph.graph import START, StateGraph

from include.creator.blocks import normalize
from include.creator.check import check_files
from include.creator.model.drafts import Draft, Plan
from include.creator.model.evidence import find_inventions, keep_guarded
from include.creator.model.output import build_files, check_draft
from include.creator.model.team import Team
from include.creator.prompt import build_digest, delimit
from include.creator.render import read_template
from include.creator.request import GenerationRequest
from include.creator.sop import read_sop
from include.creator.spec import AgentSpec
from include.models import ModelUsage

# The trial: what is wrong with how the agent of these files behaves.
Judge = Callable[[Mapping[str, bytes], AgentSpec], list[str]]

MAX_READINGS = 3
MAX_PLANS = 3
MAX_REPAIRS = 3


class State(TypedDict, total=False):
    """Where a generation stands."""

    readings: int
    spec: dict[str, Any]
    plans: int
    plan: str
    objections: list[str]  # to the plan
    repairs: int
    draft: dict[str, Any]
    findings: list[str]  # about the reading, then about the draft
    usage: Annotated[list[dict[str, Any]], add]


class GenerationGraph:
    """The nodes and the ways between them, for one request."""

    def __init__(self, request: GenerationRequest, team: Team, judge: Judge | None) -> None:
        self.request = request
        self.team = team
        self.judge = judge

    def build(self) -> StateGraph[State]:
        """The graph, to be compiled with a checkpointer."""
        graph = StateGraph(State)
        for node in (
            self.read,
            self.plan,
            self.review_plan,
            self.write,
            self.review,
            self.check,
            self.repair,
        ):
            graph.add_node(node.__name__, node)
        graph.add_edge(START, "read")
        graph.add_conditional_edges("read", after_reading)
        graph.add_edge("plan", "review_plan")
        graph.add_conditional_edges("review_plan", after_plan)
        graph.add_edge("write", "review")
        graph.add_conditional_edges("review", after_review)
        graph.add_conditional_edges("check", after_check)
        graph.add_edge("repair", "review")
        return graph

    def read(self, state: State) -> State:
        """Read the SOP; what stands nowhere in it is a finding."""
        read, calls = self.team.ask(
            "read",
            procedure=delimit("procedure", number_lines(self.request.sop)),
            findings=state.get("findings", []),
        )
        ruled = read_sop(self.request.sop)
        return {
            "readings": state.get("readings", 0) + 1,
            "spec": keep_guarded(read.spec, ruled).model_dump(mode="json"),
            "findings": find_inventions(read.spec, self.request.sop, ruled),
            "usage": dump_usage(calls),
        }

    def plan(self, state: State) -> State:
        """Plan the agent's conduct, minding what the reviewer found in the plan before."""
        planned, calls = self.team.ask(
            "plan",
            procedure_in_short=self.digest(state),
            documents=self.documents(),
            objections=state.get("objections", []),
        )
        plan: Plan = planned.plan
        return {
            "plans": state.get("plans", 0) + 1,
            "plan": plan.model_dump_json(indent=1),
            "usage": dump_usage(calls),
        }

    def review_plan(self, state: State) -> State:
        """Let the plan be compared with the procedure."""
        reviewed, calls = self.team.ask(
            "review_plan",
            procedure_in_short=self.digest(state),
            plan=delimit("plan", state["plan"]),
        )
        return {"objections": reviewed.review.findings, "usage": dump_usage(calls)}

    def write(self, state: State) -> State:
        """Write the draft; objections that are left against the plan are to be minded."""
        written, calls = self.team.ask(
            "write",
            procedure_in_short=self.digest(state),
            documents=self.documents(),
            plan=delimit("plan", state["plan"]),
            objections=state.get("objections", []),
            template=read_template().decode(),
        )
        return {"draft": read_draft(written), "findings": [], "usage": dump_usage(calls)}

    def review(self, state: State) -> State:
        """Let the draft be compared with the procedure."""
        reviewed, calls = self.team.ask(
            "review", procedure_in_short=self.digest(state), draft=self.shown_draft(state)
        )
        return {"findings": reviewed.review.findings, "usage": dump_usage(calls)}

    def check(self, state: State) -> State:
        """The gates: the static one, and the trial if there is one. No model has a say here."""
        spec = AgentSpec.model_validate(state["spec"])
        draft = Draft.model_validate(state["draft"])
        findings = check_draft(draft, self.request.sop)
        files = build_files(self.request, spec, draft)
        findings += [str(finding) for finding in check_files(files)]
        if not findings and self.judge:
            findings = self.judge(files, spec)
        return {"findings": findings}

    def repair(self, state: State) -> State:
        """Let what was found be mended."""
        mended, calls = self.team.ask(
            "repair",
            procedure_in_short=self.digest(state),
            draft=self.shown_draft(state),
            findings=state["findings"],
            template=read_template().decode(),
        )
        return {
            "repairs": state.get("repairs", 0) + 1,
            "draft": read_draft(mended),
            "usage": dump_usage(calls),
        }

    def digest(self, state: State) -> str:
        """What was understood of the procedure, as data."""
        spec = AgentSpec.model_validate(state["spec"])
        return delimit("procedure-in-short", build_digest(spec))

    def documents(self) -> str:
        """What the tenant says of the documents, as data."""
        return delimit("documents", self.request.knowledge_base_description)

    def shown_draft(self, state: State) -> str:
        """The draft as its reviewers see it, as data."""
        return delimit("draft", Draft.model_validate(state["draft"]).model_dump_json(indent=1))


def after_reading(state: State) -> Literal["read", "plan", "__end__"]:
    """Read again what was misread, as often as allowed."""
    if not state["findings"]:
        return "plan"
    return "read" if state["readings"] < MAX_READINGS else "__end__"


def after_plan(state: State) -> Literal["plan", "write"]:
    """Plan again as often as allowed; what is open then, the writer has to mind."""
    return "plan" if state["objections"] and state["plans"] < MAX_PLANS else "write"


def after_review(state: State) -> Literal["check", "repair", "__end__"]:
    """Only what the reviewer accepts is checked."""
    return repair_or_end(state) if state["findings"] else "check"


def after_check(state: State) -> Literal["repair", "__end__"]:
    """Without findings the draft is accepted."""
    return repair_or_end(state) if state["findings"] else "__end__"


def repair_or_end(state: State) -> Literal["repair", "__end__"]:
    """Repair as often as allowed."""
    return "repair" if state.get("repairs", 0) < MAX_REPAIRS else "__end__"


def read_draft(prediction: Any) -> dict[str, Any]:
    """The draft in a writer's or repairer's answer."""
    texts = {name: getattr(prediction, name) for name in Draft.model_fields}
    return Draft.model_validate(texts).model_dump(mode="json")


def number_lines(sop: str) -> str:
    """The SOP with a number before each line, so that they can be named."""
    lines = normalize(sop).split("\n")
    return "\n".join(f"{number}| {line}" for number, line in enumerate(lines, start=1))


def dump_usage(calls: list[ModelUsage]) -> list[dict[str, Any]]:
    """The account of a node's calls as plain data."""
    return [call.model_dump(mode="json") for call in calls]
