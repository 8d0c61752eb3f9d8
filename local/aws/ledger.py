"""Every resource that was ever made, with the agent it is for: what is there twice shows here."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from moto.core.base_backend import BackendDict, BaseBackend

AGENT_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


def now() -> str:
    """The current time, ISO 8601."""
    return datetime.now(UTC).isoformat()


@dataclass
class Entry:
    """One resource; it counts as live until its deletion was accepted."""

    kind: str
    id: str
    name: str
    agent_id: str | None
    parent: str | None
    created_at: str = field(default_factory=now)
    deleted_at: str | None = None


class Ledger(BaseBackend):
    """One account's entries in one region, oldest first; saved with the stand-in's state."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.entries: list[Entry] = []

    def record_create(
        self,
        kind: str,
        id: str,
        name: str,
        parent: str | None = None,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write down a new resource; its agent is that of its tags, its name or its parent."""
        owner = tags.get("agentId") or find_agent_id(name) or self.find_owner(parent)
        self.entries.append(Entry(kind, id, name, owner, parent))

    def record_delete(self, id: str) -> None:
        """Close the entry of a resource and of all that goes with it."""
        for entry in tuple(self.entries):
            if entry.deleted_at is None and id in (entry.id, entry.parent):
                entry.deleted_at = now()
                if entry.id != id:
                    self.record_delete(entry.id)

    def find_owner(self, parent: str | None) -> str | None:
        """The agent of the resource with this id."""
        return next((e.agent_id for e in reversed(self.entries) if e.id == parent), None)


# "ec2" only lends its list of regions.
ledgers = BackendDict(Ledger, "ec2")


def find_agent_id(name: str) -> str | None:
    """The UUID in a name, with or without its hyphens."""
    found = AGENT_ID.search(name)
    return str(UUID(found[0])) if found else None


def describe_ledger(agent_id: str | None = None) -> dict[str, Any]:
    """All entries, or one agent's, and per agent and kind how many were made and are live."""
    entries = [
        entry
        for _, _, ledger in ledgers.iter_backends()
        for entry in tuple(ledger.entries)
        if agent_id in (None, entry.agent_id)
    ]
    return {"agents": count(entries), "entries": [asdict(entry) for entry in entries]}


def count(entries: list[Entry]) -> dict[str, dict[str, dict[str, int]]]:
    """agent id -> kind -> created and live."""
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for entry in entries:
        counter = counts[entry.agent_id or "unknown"][entry.kind]
        counter.update(created=1, live=int(entry.deleted_at is None))
    return {agent: {k: dict(c) for k, c in kinds.items()} for agent, kinds in counts.items()}
