"""Random faults on every call to AWS and to Airflow, for many agents at once."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Any

import pytest

from tests.chaos.crowd import Crowd
from tests.chaos.figures import add_row

pytestmark = [pytest.mark.system, pytest.mark.chaos, pytest.mark.timeout(3600)]

AGENTS = int(os.environ.get("CHAOS_AGENTS", "200"))
SHARES = {"throttle": 0.3, "server_error": 0.3, "timeout_after_success": 0.2, "conflict": 0.2}
COLUMNS = (
    "| faults | agents | active | failed, by code | duplicates | stuck | seconds | "
    "AWS calls disturbed | Airflow calls disturbed |"
)


@pytest.mark.parametrize(("rate", "least_active"), [(0.005, 1.0), (0.05, 0.99)])
def test_agents_are_made_under_random_faults(
    stack: Any, steering: Any, proxy: Any, rate: float, least_active: float
) -> None:
    passed = Counter(proxy.met)
    steering.put(
        *({"kind": kind, "probability": rate * share} for kind, share in SHARES.items()), seed=7
    )
    proxy.rate, started_at = rate, time.monotonic()
    try:
        crowd = Crowd.submit(stack, AGENTS)
        agents = crowd.wait_until_final(seconds=1800)
    finally:
        proxy.rate = 0.0
    seconds = time.monotonic() - started_at
    fired = sum(rule["fired"] for rule in steering.state()["rules"])
    met = proxy.met - passed
    disturbed = met.total() - met["passed"]
    states = Counter(agent["status"] for agent in agents)
    codes = Counter(a["failure"]["code"] for a in agents if a["status"] == "failed")
    duplicates = crowd.find_duplicates()
    add_row(
        "Random faults", COLUMNS, f"{rate:.1%}", len(agents), states["active"], dict(codes) or 0,
        len(duplicates), 0, f"{seconds:.0f}", fired, f"{disturbed} of {met.total()}",
    )  # fmt: skip
    assert not duplicates
    assert states["active"] >= least_active * AGENTS, codes
    assert "internal_error" not in codes
