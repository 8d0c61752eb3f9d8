"""Orphans: resources that are tagged as ours, of agents that have no record any more."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from include import records
from include.aws import client, delete_if_there, find
from include.errors import NotReadyError
from include.knowledge import bases
from include.models import AgentRef
from include.naming import PLATFORM
from include.reconcile.inventory import Resources, list_known_agents, list_names, list_resources
from include.removal.knowledge_bases import remove_knowledge_base
from include.removal.runtimes import remove_runtime
from include.runtime import runtimes
from include.settings import get_settings

log = logging.getLogger(__name__)


def remove_orphans() -> dict[str, int]:
    """Report orphans and remove those older than the grace time; returns the counts.

    `found` are all, `young` those left alone for now, `removed` those that are gone, `removing`
    those that AWS still works on, `failed` those whose removal is tried again next time.
    """
    resources = list_resources()  # first: an agent's record is older than its resources
    known = {name for agent in list_known_agents() for name in list_names(agent.agent_id)}
    counts: Counter[str] = Counter(found=0, young=0, removed=0, removing=0, failed=0)
    for removal in pick(list_removals(resources, known)):
        counts.update(attempt(removal))
    return dict(counts)


def list_removals(resources: Resources, known: set[str]) -> list[Callable[[], str | None]]:
    """What to do about each resource whose name no known agent has."""
    made, found = resources.knowledge_bases, resources.runtimes
    return [
        *(lambda i=i: judge_runtime(i) for name, i in found.items() if name not in known),
        *(lambda i=i: judge_base(i) for name, i in made.items() if name not in known),
        *(
            lambda name=name, made_at=made_at: judge_index(name, made_at)
            for name, made_at in resources.indexes.items()
            if name not in known | made.keys()  # a knowledge base's own goes with it
        ),
    ]


def pick(removals: list[Callable[[], str | None]]) -> list[Callable[[], str | None]]:
    """A batch, by chance: resources of another installation must not keep ours waiting."""
    return random.sample(removals, min(len(removals), get_settings().reconcile_batch))


def attempt(removal: Callable[[], str | None]) -> list[str]:
    """Carry one removal out; returns what to count."""
    try:
        outcome = removal()
    except NotReadyError:
        outcome = "removing"
    except Exception as error:  # whatever it is, the next orphan may fare better
        log.warning("orphan not removed: %r", error)
        outcome = "failed"
    return ["found", outcome] if outcome else []


def judge_runtime(runtime_id: str) -> str | None:
    """Remove a runtime if it is an orphan and old enough; None when it is none."""
    control = client("bedrock-agentcore-control")
    runtime = find(control.get_agent_runtime, agentRuntimeId=runtime_id)
    ref = runtime and find_lost_owner(runtimes.read_tags(runtime["agentRuntimeArn"]))
    if not runtime or not ref:
        return None
    if is_young("runtime", runtime_id, runtime["createdAt"]):
        return "young"
    remove_runtime(ref, runtime_id, redo=True)
    return "removed"


def judge_base(bedrock_id: str) -> str | None:
    """Remove a knowledge base if it is an orphan and old enough; None when it is none."""
    base = bases.find_base(bedrock_id)
    ref = base and find_lost_owner(bases.read_tags(base))
    if not base or not ref:
        return None
    if is_young("knowledge base", bedrock_id, base["createdAt"]):
        return "young"
    remove_knowledge_base(ref, bedrock_id, redo=True)
    return "removed"


def judge_index(name: str, made_at: datetime) -> str:
    """Remove a vector index if it is old enough: our bucket holds nothing but ours."""
    if is_young("vector index", name, made_at):
        return "young"
    bucket = get_settings().vector_bucket
    delete_if_there(client("s3vectors").delete_index, vectorBucketName=bucket, indexName=name)
    return "removed"


def find_lost_owner(tags: dict[str, Any]) -> AgentRef | None:
    """The agent a resource of ours was made for, if there is no record of it."""
    is_ours = (tags.get("platform"), tags.get("environment")) == (
        PLATFORM,
        get_settings().environment,
    )
    if not is_ours or not {"userId", "agentId"} <= tags.keys():
        return None
    if records.find_agent(tags["userId"], tags["agentId"]):
        return None
    return AgentRef(tags["userId"], tags["agentId"], 0)


def is_young(kind: str, resource_id: str, made_at: datetime) -> bool:
    """Whether an orphan is left alone for now; each is reported."""
    grace = timedelta(hours=get_settings().orphan_grace_hours)
    is_young = datetime.now(UTC) - made_at < grace
    log.warning("orphan: %s %s of %s%s", kind, resource_id, made_at, "" if is_young else ": remove")
    return is_young
