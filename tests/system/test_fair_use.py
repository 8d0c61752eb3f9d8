"""A tenant with many agents does not keep one with a single agent waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.system.conftest import wait_until

pytestmark = pytest.mark.system

DOCUMENT = {"hours.md": b"# Hours\n\nThe shop opens at nine and closes at six."}
MANY = 60


def count_active(tenant: Any) -> int:
    """How many of the tenant's agents are active."""
    answer = tenant.http.get("/api/agents", params={"status_filter": "active", "limit": 100})
    return len(answer.json())


def test_one_agent_is_not_behind_sixty_of_another_tenant(stack: Any) -> None:
    crowd, single = stack.tenant("sixty"), stack.tenant("single")
    with ThreadPoolExecutor(8) as executor:
        many = list(executor.map(lambda _: crowd.create(DOCUMENT), range(MANY)))
    agent = single.create(DOCUMENT)
    before = count_active(crowd)
    single.wait_for(agent["agentId"], "active")
    overtaken_by = count_active(crowd) - before
    print(f" [{before} were active before it came, {overtaken_by} became so meanwhile] ", end="")
    assert before + overtaken_by < MANY / 2
    wait_until(lambda: count_active(crowd) == MANY, "all sixty to become active", 400)
    assert {crowd.get(each["agentId"])["status"] for each in many} == {"active"}
