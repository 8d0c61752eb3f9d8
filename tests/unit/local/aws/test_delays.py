"""How STAND_IN_DELAYS is read."""

from __future__ import annotations

import pytest

from local.aws.delays import parse_transition


@pytest.mark.parametrize(
    ("delays", "share", "transition"),
    [
        ("off", 1.0, {"progression": "immediate"}),
        ("2", 0.0, {"progression": "immediate"}),
        ("2", 0.5, {"progression": "time", "seconds": 1.0}),
        (" 0.4 ", 1.0, {"progression": "time", "seconds": 0.4}),
        ("3 polls", 0.5, {"progression": "manual", "times": 3}),
    ],
)
def test_delays(delays: str, share: float, transition: dict[str, object]) -> None:
    assert parse_transition(delays, share) == transition


@pytest.mark.parametrize("delays", ["soon", "x polls", ""])
def test_anything_else_is_an_error(delays: str) -> None:
    with pytest.raises(ValueError, match="STAND_IN_DELAYS"):
        parse_transition(delays, 1.0)
