"""Plans of faults: how they are read, and which calls and resources they are about."""

from __future__ import annotations

import pytest

from local.aws.calls import Call
from local.aws.faults import Faults, Outcome, Plan, Rule, read_plan

PUT_ITEM = Call("dynamodb", "PutItem")


def draw(faults: Faults, times: int, call: Call = PUT_ITEM) -> int:
    """How many of so many calls meet a fault."""
    return sum(faults.draw(call, lambda: "the request") is not None for _ in range(times))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_switches_nothing_on(text: str) -> None:
    assert read_plan(text) == Plan()


def test_a_plan_is_read_from_json() -> None:
    plan = read_plan('{"seed": 3, "rules": [{"kind": "hold", "operation": "Create*"}]}')
    assert plan == Plan(seed=3, rules=[Rule(kind="hold", operation="Create*")])


@pytest.mark.parametrize(
    "text",
    [
        "no",
        '{"rules": [{"kind": "throttle", "propability": 1}]}',
        '{"rules": [{"kind": "throttle", "probability": 2}]}',
        '{"rules": [{"kind": "server_error", "status": 404}]}',
        '{"outcomes": [{"ending": "runtime FAILED"}]}',
    ],
)
def test_what_is_mistyped_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        read_plan(text)


def test_a_count_is_used_up() -> None:
    faults = Faults()
    faults.put(Plan(rules=[Rule(kind="throttle", count=2)]))
    assert draw(faults, 5) == 2


def test_a_probability_is_kept_to() -> None:
    faults = Faults()
    faults.put(Plan(rules=[Rule(kind="throttle", probability=0.05)]))
    assert 400 < draw(faults, 10_000) < 600


def test_the_first_rule_that_fires_counts() -> None:
    faults = Faults()
    faults.put(Plan(rules=[Rule(kind="throttle", count=1), Rule(kind="access_denied")]))
    assert draw(faults, 3) == 3
    assert [rule["fired"] for rule in faults.describe()["rules"]] == [1, 2]


def test_rules_have_dice_of_their_own() -> None:
    def draws(*rules: Rule) -> list[bool]:
        faults = Faults()
        faults.put(Plan(seed=1, rules=list(rules)))
        return [faults.draw(PUT_ITEM, str) is not None for _ in range(30)]

    some = Rule(kind="throttle", probability=0.5)
    other = Rule(kind="throttle", service="s3")
    assert draws(some) == draws(some)
    assert draws(some) == draws(some, other)
    assert draws(some) != draws(other, some)


@pytest.mark.parametrize(
    ("outcome", "name", "is_met"),
    [
        ({"ending": "document FAILED", "name": "*/b.md"}, "u/a/b.md", True),
        ({"ending": "document FAILED", "name": "*/b.md"}, "u/a/c.md", False),
        ({"ending": "runtime CREATE_FAILED"}, "u/a/b.md", False),
        ({"ending": "document FAILED", "name": "*-1-2"}, "oratio_12", True),
    ],
)
def test_an_outcome_is_about_names(outcome: dict[str, str], name: str, is_met: bool) -> None:
    faults = Faults()
    faults.put(Plan(outcomes=[Outcome.model_validate({**outcome, "reason": "why"})]))
    assert faults.find_ending("document FAILED", name) == ("why" if is_met else None)
    assert faults.find_ending("document FAILED", name) is None
