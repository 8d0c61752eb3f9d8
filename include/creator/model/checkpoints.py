"""LangGraph's checkpoints in the code bucket: what a killed generation goes on from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import ERROR

from include.aws import client, error_code
from include.models import AgentRef
from include.naming import checkpoint_key, object_tagging
from include.settings import get_settings

Write = tuple[str, str, Any]  # task, channel, value


class BucketSaver(BaseCheckpointSaver[int]):
    """Keeps the last checkpoint of each of an agent's threads: a graph without branches needs
    no others.

    Two objects a thread: the checkpoint, and what the task after it has written since. They are
    the agent's files and go with it. Only plain data is read back.
    """

    def __init__(self, ref: AgentRef) -> None:
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self.ref = ref

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The thread's last checkpoint, with what was written after it."""
        thread = read_thread(config)
        saved = self.read(thread, "state")
        if saved is None:
            return None
        checkpoint, metadata = saved
        writes = self.read(thread, "writes") or [checkpoint["id"], []]
        return CheckpointTuple(
            config=build_config(thread, checkpoint["id"]),
            checkpoint=checkpoint,
            metadata=metadata,
            pending_writes=[
                (task, channel, value)
                for task, channel, value in writes[1]
                if writes[0] == checkpoint["id"]
            ],
        )

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Replace the thread's checkpoint."""
        thread = read_thread(config)
        self.write(thread, "state", [checkpoint, metadata])
        return build_config(thread, checkpoint["id"])

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Keep what a finished task has written: it is not run again, should all stop here."""
        pending: list[Write] = [(task_id, *write) for write in writes if write[0] != ERROR]
        at = config["configurable"]["checkpoint_id"]
        self.write(read_thread(config), "writes", [at, pending])

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """The thread's one checkpoint."""
        found = self.get_tuple(config) if config else None
        yield from [found] if found else []

    def delete_thread(self, thread_id: str) -> None:
        """Forget a thread: the next run of it starts from the beginning."""
        for kind in ("state", "writes"):
            client("s3").delete_object(
                Bucket=get_settings().code_bucket, Key=checkpoint_key(self.ref, thread_id, kind)
            )

    def read(self, thread: str, kind: str) -> Any:
        """One of a thread's two objects, or None."""
        key = checkpoint_key(self.ref, thread, kind)
        try:
            answer = client("s3").get_object(Bucket=get_settings().code_bucket, Key=key)
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise
        return self.serde.loads_typed(("msgpack", answer["Body"].read()))

    def write(self, thread: str, kind: str, value: Any) -> None:
        """Replace one of a thread's two objects."""
        client("s3").put_object(
            Bucket=get_settings().code_bucket,
            Key=checkpoint_key(self.ref, thread, kind),
            Body=self.serde.dumps_typed(value)[1],
            Tagging=object_tagging(self.ref, "checkpoint"),
        )


def read_thread(config: RunnableConfig) -> str:
    """The thread a configuration names."""
    return str(config["configurable"]["thread_id"])


def build_config(thread: str, checkpoint_id: str) -> RunnableConfig:
    """The configuration that names one checkpoint."""
    return {
        "configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
    }
