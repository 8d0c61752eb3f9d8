"""The trial: generated code is run in the sandbox and talked to, before anything is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from include.aws import from_aws
from include.creator.request import GenerationRequest
from include.creator.spec import AgentSpec
from include.creator.trial.gateway import Gateway
from include.creator.trial.report import (
    ScenarioKind,
    ScenarioResult,
    TrialReport,
    compute_score,
)
from include.creator.trial.samples import Sample
from include.creator.trial.scenarios import Check, Dialogue, build_dialogues
from include.creator.trial.score import Judge, Turn, judge_by_rules
from include.creator.trial.session import hold_dialogues


def try_code(
    files: Mapping[str, bytes],
    request: GenerationRequest,
    spec: AgentSpec,
    samples: Sequence[Sample],
    judge: Judge = judge_by_rules,
) -> TrialReport:
    """Talk to the code in the sandbox, through every scenario of its SOP and documents.

    :raises SandboxUnavailableError: when there is no sandbox; trying again later may help.
    :raises OratioError: when AWS did not answer the agent's model calls; retryable if that is.
    """
    dialogues = build_dialogues(request, spec, samples)
    gateway = Gateway(request, samples)
    turns = hold_dialogues(files, dialogues, gateway)
    if gateway.failure:
        raise from_aws(gateway.failure) from gateway.failure
    results = [
        *judge_calls(gateway.refused),
        *judge_turns(dialogues, turns, gateway.passages, judge),
    ]
    return build_report(gateway, tuple(results))


def judge_turns(
    dialogues: Sequence[Dialogue],
    turns: Sequence[Turn],
    passages: AbstractSet[tuple[str, str]],
    judge: Judge,
) -> list[ScenarioResult]:
    """The result of every check."""
    return [
        build_result(check, judge(check, turn, passages))
        for dialogue, turn in zip(dialogues, turns, strict=True)
        for check in dialogue.checks
    ]


def judge_calls(refused: Sequence[str]) -> list[ScenarioResult]:
    """One scenario on what the agent called besides its model and its knowledge base."""
    asked, expected = "all of the trial", "no calls but to its own model and knowledge base"
    check = Check(ScenarioKind.CONTRACT, expected, asked)
    return [build_result(check, f"{refused[0]}." if refused else None)]


def build_result(check: Check, problem: str | None) -> ScenarioResult:
    """A check with its verdict."""
    return ScenarioResult(
        kind=check.kind,
        first_line=check.first_line,
        last_line=check.last_line,
        asked=check.asked,
        expected=check.expected,
        passed=problem is None,
        reason=problem or "as expected",
    )


def build_report(gateway: Gateway, results: tuple[ScenarioResult, ...]) -> TrialReport:
    """The report, with its score and its cost."""
    return TrialReport(
        score=compute_score(results),
        scenarios=results,
        model_calls=gateway.model_calls,
        input_tokens=gateway.input_tokens,
        output_tokens=gateway.output_tokens,
    )
