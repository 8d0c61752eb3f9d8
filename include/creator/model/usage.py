"""What a generation's model calls have used and cost."""

from __future__ import annotations

from collections.abc import Iterable

from include.models import ModelUsage
from include.settings import get_settings

TOKENS_PER_PRICE = 1_000_000


def build_usage(role: str, model_id: str, input_tokens: int, output_tokens: int) -> ModelUsage:
    """The account of one call; without a price in MODEL_PRICES its cost stays unknown."""
    prices = get_settings().model_prices.get(model_id)
    cost = None
    if prices:
        cost = (input_tokens * prices[0] + output_tokens * prices[1]) / TOKENS_PER_PRICE
    return ModelUsage(
        role=role,
        model_id=model_id,
        calls=1,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=cost,
    )


def sum_usage(calls: Iterable[ModelUsage]) -> list[ModelUsage]:
    """One account for each role and model, in the order of their first calls."""
    sums: dict[tuple[str, str], ModelUsage] = {}
    for call in calls:
        key = (call.role, call.model_id)
        sums[key] = add_usage(sums[key], call) if key in sums else call
    return list(sums.values())


def add_usage(one: ModelUsage, other: ModelUsage) -> ModelUsage:
    """Both together; an unknown cost makes the sum unknown."""
    is_known = one.cost_usd is not None and other.cost_usd is not None
    return one.model_copy(
        update={
            "calls": one.calls + other.calls,
            "input_tokens": one.input_tokens + other.input_tokens,
            "output_tokens": one.output_tokens + other.output_tokens,
            "cost_usd": (one.cost_usd or 0) + (other.cost_usd or 0) if is_known else None,
        }
    )
