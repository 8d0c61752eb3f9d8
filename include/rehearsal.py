"""Makes each first call of AWS once, before processes are forked that would all make it.

boto3 puts off much of its work until a client's first call of an operation: reading its shapes,
compiling the endpoint's rules, choosing a serializer and a parser. Here each operation is called
once, and answered before anything is signed or sent: no credentials are needed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.model import Shape

from include.aws import client

# What the steps of a run call.
OPERATIONS = {
    "dynamodb": ("get_item", "update_item", "transact_write_items"),
    "s3": ("get_object", "head_object", "list_object_versions", "put_object"),
    "s3vectors": ("create_index",),
    "bedrock-agent": (
        "create_data_source",
        "create_knowledge_base",
        "get_data_source",
        "get_ingestion_job",
        "get_knowledge_base",
        "list_ingestion_jobs",
        "list_knowledge_base_documents",
        "list_knowledge_bases",
        "start_ingestion_job",
    ),
    "bedrock-agent-runtime": ("retrieve",),
    "bedrock-runtime": ("converse",),
    "bedrock-agentcore-control": (
        "create_agent_runtime",
        "create_agent_runtime_endpoint",
        "get_agent_runtime",
        "get_agent_runtime_endpoint",
    ),
    "bedrock-agentcore": ("invoke_agent_runtime",),
}
SHORTEST_STRING = 3  # a bucket's name
# Other threads may be using the same clients, and in earnest.
IS_REHEARSING: ContextVar[bool] = ContextVar("is_rehearsing", default=False)


class EmptyBody(io.BytesIO):
    """The body of an answer, as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        """Its parts: none."""
        return iter(())


@cache
def rehearse() -> None:
    """Call every operation of a run, once; nothing leaves the process."""
    for service, operations in OPERATIONS.items():
        with answered(client(service)) as ready:
            for operation in operations:
                # Loads the service's list of pages, which each process would search for.
                ready.can_paginate(operation)
                name = ready.meta.method_to_api_mapping[operation]
                shape = ready.meta.service_model.operation_model(name).input_shape
                getattr(ready, operation)(**build_example(shape))


@contextmanager
def answered(ready: Any) -> Iterator[Any]:
    """The client, its calls being answered at once and with nothing."""
    hooks = {"choose-signer": leave_unsigned, "before-send": answer}
    for event, handler in hooks.items():
        ready.meta.events.register_first(event, handler)
    token = IS_REHEARSING.set(True)
    try:
        yield ready
    finally:
        IS_REHEARSING.reset(token)
        for event, handler in hooks.items():
            ready.meta.events.unregister(event, handler)


def leave_unsigned(**_event: Any) -> Any:
    """Tell botocore not to sign; it goes on as usual after None."""
    return UNSIGNED if IS_REHEARSING.get() else None


def answer(request: AWSPreparedRequest, **_event: Any) -> AWSResponse | None:
    """An answer without content; botocore sends what it gets None for."""
    return AWSResponse(request.url, 200, {}, EmptyBody()) if IS_REHEARSING.get() else None


def build_example(shape: Shape) -> Any:
    """The smallest value that botocore takes for a shape."""
    match shape.type_name:
        case "structure":
            names = shape.required_members or list(shape.members)[: bool(shape.is_tagged_union)]
            return {name: build_example(shape.members[name]) for name in names}
        case "list":
            return [build_example(shape.member)]
        case "map":
            return {"x": build_example(shape.value)}
        case "string":
            length = max(SHORTEST_STRING, shape.metadata.get("min", 0))
            return next(iter(shape.enum), "x" * length)
        case "blob":
            return b"x"
        case "boolean":
            return True
        case "document":
            return {}
        case _:  # numbers
            return shape.metadata.get("min", 1)
