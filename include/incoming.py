"""A new agent's documents while they arrive, written at once where they stay.

Nobody knows the agent's id and nothing reads below it before its records are written, so there is
no need to write the documents elsewhere and copy them. A note below `.incoming/` lets the sweeper
find what a crashed process left; no lifecycle rule ends it, or its documents would stay for ever.
"""

from __future__ import annotations

import time

from include.aws import client
from include.documents import delete_documents
from include.models import AgentRef
from include.naming import agent_prefix, incoming_key, object_tagging
from include.object_writer import ObjectWriter
from include.records import find_agent
from include.settings import get_settings


class IncomingDocuments:
    """The documents of one submission; whoever opens one must settle in the end."""

    def __init__(self, ref: AgentRef) -> None:
        self.ref = ref
        self.note = {"Bucket": get_settings().kb_bucket, "Key": incoming_key(ref)}
        self.version = ""
        self.noted_at: float | None = None

    def open(self, path: str) -> ObjectWriter:
        """Begin a document at a path that was checked; the note is written before the first."""
        if self.noted_at is None:
            self.noted_at = time.monotonic()
            self.version = client("s3").put_object(**self.note, Body=b"")["VersionId"]
        key = agent_prefix(self.ref.user_id, self.ref.agent_id) + path
        return ObjectWriter(key, Tagging=object_tagging(self.ref, "knowledge-base"))

    @property
    def is_late(self) -> bool:
        """Whether the sweeper may take the submission for abandoned before it is recorded."""
        limit_seconds = get_settings().staging_hours * 3600 / 2
        return self.noted_at is not None and time.monotonic() - self.noted_at > limit_seconds

    def settle(self) -> None:
        """Delete the documents unless their agent was recorded, then the note."""
        if self.noted_at is None:
            return
        withdraw(self.ref)
        if self.version:
            client("s3").delete_object(**self.note, VersionId=self.version)


def withdraw(ref: AgentRef) -> None:
    """Delete the documents of a submission, unless its agent was recorded after all."""
    if find_agent(ref.user_id, ref.agent_id) is None:
        delete_documents(ref)
