"""Tokens are counted, and priced where a price is known."""

from __future__ import annotations

import pytest

from include.creator.model.usage import build_usage, sum_usage
from include.models import AgentVersion


@pytest.fixture(autouse=True)
def prices(configure):
    configure(MODEL_PRICES='{"m": [2.0, 8.0]}')


def test_a_call_is_priced_by_a_million_tokens():
    assert build_usage("reader", "m", 500_000, 250_000).cost_usd == pytest.approx(3.0)
    assert build_usage("reader", "unknown", 1, 1).cost_usd is None


def test_calls_are_summed_by_role_and_model():
    calls = [
        build_usage("reader", "m", 10, 1),
        build_usage("writer", "m", 20, 2),
        build_usage("reader", "m", 30, 3),
    ]
    reader, writer = sum_usage(calls)
    assert (reader.role, reader.calls, reader.input_tokens, reader.output_tokens) == (
        "reader", 2, 40, 4
    )  # fmt: skip
    assert reader.cost_usd == pytest.approx((40 * 2 + 4 * 8) / 1_000_000)
    assert writer.calls == 1


def make_version(*usage):
    return AgentVersion(
        generation=1,
        sop_sha256="",
        generator="model",
        generator_version="1",
        model_id="m",
        generation_usage=list(usage),
        code_sha256="",
        code_s3_key="",
        code_s3_version="",
    )


def test_one_unknown_price_makes_the_whole_cost_unknown():
    known, unknown = build_usage("reader", "m", 1, 1), build_usage("writer", "x", 1, 1)
    assert make_version(known).cost_usd == pytest.approx(0.00001)
    assert make_version(known, unknown).cost_usd is None
    assert make_version().cost_usd == 0
    [both] = sum_usage([known, known.model_copy(update={"cost_usd": None})])
    assert both.cost_usd is None
