"""What a trial found: each scenario with the SOP lines it comes from, and one score for all."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum

from botocore.exceptions import ClientError
from pydantic import ConfigDict

from include.aws import error_code
from include.documents import put_code, read_code
from include.errors import NotFoundError, TrialFailedError
from include.models import AgentRef, Record, TrialSummary
from include.naming import trial_key
from include.settings import get_settings

SHOWN_FAILURES = 3


class ScenarioKind(StrEnum):
    """What a scenario is about."""

    CONTRACT = "contract"  # AgentCore's, and what the agent may call
    GREETING = "greeting"
    STEP = "step"
    PROHIBITION = "prohibition"
    ESCALATION = "escalation"
    DOCUMENT = "document"


class ScenarioResult(Record):
    """One scenario; lines count from 1 in the SOP, None when it does not come from there."""

    model_config = ConfigDict(frozen=True)

    kind: ScenarioKind
    first_line: int | None = None
    last_line: int | None = None
    asked: str
    expected: str
    passed: bool
    reason: str

    @property
    def place(self) -> str:
        """Where the tenant finds the origin of the scenario."""
        if self.first_line is None:
            return self.kind
        if self.first_line == self.last_line:
            return f"{self.kind}, line {self.first_line}"
        return f"{self.kind}, lines {self.first_line}-{self.last_line}"


class TrialReport(Record):
    """All scenarios of one trial and what it cost.

    `score` is the share of passed scenarios of the kind that did worst: an agent that never hands
    over fails, however many steps it knows.
    """

    model_config = ConfigDict(frozen=True)

    score: float
    scenarios: tuple[ScenarioResult, ...]
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def failed(self) -> list[ScenarioResult]:
        """The scenarios that were not passed."""
        return [scenario for scenario in self.scenarios if not scenario.passed]


def compute_score(scenarios: tuple[ScenarioResult, ...]) -> float:
    """The least share of passed scenarios over all kinds; 0 without any."""
    verdicts: dict[ScenarioKind, list[bool]] = defaultdict(list)
    for scenario in scenarios:
        verdicts[scenario.kind].append(scenario.passed)
    shares = [sum(passed) / len(passed) for passed in verdicts.values()]
    # A broken contract, or a forbidden call, is never made up for.
    if not all(verdicts[ScenarioKind.CONTRACT]):
        return 0.0
    return round(min(shares, default=0.0), 3)


def store_report(ref: AgentRef, report: TrialReport) -> TrialSummary:
    """Put the report beside the generation's bundle; returns what is kept with the version."""
    key = trial_key(ref)
    put_code(ref, key, report.model_dump_json(by_alias=True, indent=1).encode())
    return TrialSummary(
        score=report.score,
        scenarios=len(report.scenarios),
        failed=len(report.failed),
        report_s3_path=f"s3://{get_settings().code_bucket}/{key}",
    )


def read_report(ref: AgentRef) -> TrialReport:
    """The report of a generation's trial; raises NotFoundError before there is one."""
    try:
        return TrialReport.model_validate_json(read_code(trial_key(ref), None))
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        raise NotFoundError(f"Agent {ref.agent_id} has no trial of its code yet.") from None


def is_passed(report: TrialReport) -> bool:
    """Whether the agent may be used."""
    return report.score >= get_settings().trial_threshold


def ensure_passed(report: TrialReport) -> None:
    """Raise TrialFailedError, naming the first failed scenarios, below the threshold."""
    if is_passed(report):
        return
    threshold = get_settings().trial_threshold
    failed = report.failed
    shown = " ".join(describe(scenario) for scenario in failed[:SHOWN_FAILURES])
    more = f" {len(failed) - SHOWN_FAILURES} more failed." if len(failed) > SHOWN_FAILURES else ""
    raise TrialFailedError(
        f"Tried before its deployment, the agent scored {report.score:.2f} of {threshold:.2f} "
        f"needed: it failed {len(failed)} of {len(report.scenarios)} scenarios. {shown}{more} "
        "Say these rules more plainly in the SOP, then retry the agent."
    )


def describe(scenario: ScenarioResult) -> str:
    """One failed scenario in a sentence."""
    return f"({scenario.place}) Asked {scenario.asked!r}, {scenario.reason}"
