"""Faults on demand: which calls are disturbed and how, and how the next resources end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

from local.aws.calls import Call
from local.aws.fault_errors import find_answer

ErrorKind: TypeAlias = Literal["throttle", "server_error", "conflict", "access_denied", "quota"]
Kind: TypeAlias = ErrorKind | Literal["timeout_after_success", "slow", "hold"]
Ending: TypeAlias = Literal[
    "knowledge_base FAILED", "runtime CREATE_FAILED", "runtime UPDATE_FAILED",
    "ingestion_job FAILED", "ingestion_job STOPPED", "document FAILED",
]  # fmt: skip


class Strict(BaseModel):
    """A mistyped member is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(Strict):
    """Disturbs the calls that fit `service` and `operation` (globs) and hold the text `match`."""

    kind: Kind
    service: str = "*"
    operation: str = "*"
    match: str = ""
    probability: float = Field(1.0, ge=0, le=1)
    count: int | None = Field(None, ge=1)  # None: without end
    status: Literal[500, 503] = 500  # of a server_error
    seconds: float = Field(0.0, ge=0, le=3600)  # of a slow call, or before a connection is closed
    when: Literal["before", "after"] = "before"  # whether slow and hold come before the work

    @property
    def error(self) -> str | None:
        """The error's name in fault_errors.py, None for what is no error."""
        if self.kind == "server_error":
            return f"server_error {self.status}"
        return self.kind if self.kind in get_args(ErrorKind) else None

    def fits(self, call: Call, read_text: Callable[[], str]) -> bool:
        """Whether the rule is about this call; reads the request's text only if it must."""
        if not fnmatchcase(call.service, self.service):
            return False
        if not fnmatchcase(call.operation, self.operation):
            return False
        if self.match and not any(text in read_text() for text in spell(self.match)):
            return False
        return self.error is None or find_answer(self.error, call) is not None


class Outcome(Strict):
    """Lets the next `count` resources whose name fits the glob end badly, for this reason."""

    ending: Ending
    name: str = "*"
    reason: str = "The stand-in was told to let this fail"
    count: int | None = Field(1, ge=1)

    def fits(self, ending: Ending, name: str) -> bool:
        """Whether it is about this resource."""
        return self.ending == ending and any(fnmatchcase(name, g) for g in spell(self.name))


class Plan(Strict):
    """All that is switched on; the same seed throws the same dice for each rule."""

    seed: int = 0
    rules: list[Rule] = []
    outcomes: list[Outcome] = []


def read_plan(text: str) -> Plan:
    """The plan in a variable or a request, JSON; nothing switches nothing on.

    :raises ValueError: with what is wrong.
    """
    return Plan.model_validate_json(text) if text.strip() else Plan()


def spell(pattern: str) -> tuple[str, str]:
    """A pattern, and as AgentCore's names have it: ids without hyphens."""
    return pattern, pattern.replace("-", "")


class ArmedRule:
    """A rule with its dice, what it has done so far, and the way to end its holds."""

    def __init__(self, rule: Rule, seed: str) -> None:
        self.rule = rule
        self.lock = threading.Lock()
        self.dice = Random(seed)  # noqa: S311 - repeatable on purpose
        self.fired = 0
        self.held = 0
        self.released = threading.Event()

    def draw(self) -> bool:
        """Throw the dice for one call that fits."""
        with self.lock:
            is_used_up = self.rule.count is not None and self.fired >= self.rule.count
            if is_used_up or self.dice.random() >= self.rule.probability:
                return False
            self.fired += 1
            return True


class Faults:
    """The plan in force; requests ask it from their threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seed = 0
        self.rules: list[ArmedRule] = []
        self.outcomes: list[tuple[Outcome, list[str]]] = []

    def put(self, plan: Plan) -> None:
        """Follow this plan from now on; calls held by the one before go on."""
        with self.lock:
            before = self.rules
            self.seed = plan.seed
            self.rules = [ArmedRule(r, f"{plan.seed}-{n}") for n, r in enumerate(plan.rules)]
            self.outcomes = [(outcome, []) for outcome in plan.outcomes]
        for armed in before:
            armed.released.set()

    def draw(self, call: Call, read_text: Callable[[], str]) -> ArmedRule | None:
        """The fault this call meets: that of the first rule which fits and fires."""
        for armed in self.rules:
            if armed.rule.fits(call, read_text) and armed.draw():
                return armed
        return None

    def find_ending(self, ending: Ending, name: str) -> str | None:
        """The reason for which this resource must end so, or None; counts as one use."""
        with self.lock:
            for outcome, used in self.outcomes:
                is_left = outcome.count is None or len(used) < outcome.count
                if is_left and outcome.fits(ending, name):
                    used.append(name)
                    return outcome.reason
        return None

    def describe(self) -> dict[str, Any]:
        """The plan, with how often each rule and outcome was used."""
        with self.lock:
            rules = [a.rule.model_dump() | {"fired": a.fired, "held": a.held} for a in self.rules]
            outcomes = [o.model_dump() | {"used": list(used)} for o, used in self.outcomes]
            return {"seed": self.seed, "rules": rules, "outcomes": outcomes}


FAULTS = Faults()
