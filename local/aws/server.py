"""The AWS stand-in as a process: `python -m local.aws.server --port 4566`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError
from werkzeug.serving import BaseWSGIServer, make_server

from local.aws.agentcore.control import AgentCoreControl
from local.aws.agentcore.invocations import AgentCore
from local.aws.agentcore.processes import PROCESSES
from local.aws.attributes import walk_values_once
from local.aws.cloudformation import complete_cloudformation
from local.aws.connections import RequestHandler
from local.aws.delays import set_delays
from local.aws.dispatch import Services, StandInApp
from local.aws.faults import FAULTS, read_plan
from local.aws.instances import forget_instances
from local.aws.items import answer_items_as_they_are, make_items_atomic
from local.aws.knowledge import sync
from local.aws.knowledge.data_sources import DataSources
from local.aws.knowledge.ingestion import Ingestion
from local.aws.knowledge.knowledge_bases import KnowledgeBases
from local.aws.knowledge.retrieval import Retrieval
from local.aws.knowledge.vectors import Vectors
from local.aws.models.bedrock_runtime import BedrockRuntime
from local.aws.multipart import date_multipart_uploads
from local.aws.snapshot import Snapshot, UnreadableSnapshotError
from local.aws.transactions import copy_touched_items_only, know_tokens_again
from local.aws.versions import list_without_contents

SERVICES: Services = {
    "bedrock-agent": [KnowledgeBases, DataSources, Ingestion],
    "bedrock-agent-runtime": [Retrieval],
    "bedrock-runtime": [BedrockRuntime],
    "bedrock-agentcore": [AgentCore],
    "bedrock-agentcore-control": [AgentCoreControl],
    "s3vectors": [Vectors],
}


def build_server(
    port: int, on_change: Callable[[], None] | None = None, host: str = "127.0.0.1"
) -> BaseWSGIServer:
    """A threaded server; port 0 picks a free one."""
    complete_cloudformation()
    date_multipart_uploads()
    list_without_contents()
    copy_touched_items_only()
    know_tokens_again()
    make_items_atomic()
    answer_items_as_they_are()
    walk_values_once()
    forget_instances()
    app = StandInApp(SERVICES, on_change)
    if on_change:
        sync.FINISH_HOOKS.append(on_change)
    return make_server(host, port, app, threaded=True, request_handler=RequestHandler)


def main() -> None:
    """Serve until a SIGTERM, with the state of the last time; SIGTERM saves it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 inside a container")
    arguments = parser.parse_args()
    set_delays(os.environ.get("STAND_IN_DELAYS", "off"))
    put_faults()
    snapshot = Snapshot(Path(os.environ.get("STAND_IN_DATA_DIR", "var/aws")))
    server = build_server(arguments.port, snapshot.mark_changed, arguments.host)
    snapshot.restore()
    snapshot.start()
    PROCESSES.warm_parent.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        snapshot.save()


def put_faults() -> None:
    """Switch on the faults of STAND_IN_FAULTS; ends the process when it is no plan."""
    try:
        FAULTS.put(read_plan(os.environ.get("STAND_IN_FAULTS", "")))
    except ValidationError as error:
        sys.exit(f"STAND_IN_FAULTS: {error}")


if __name__ == "__main__":
    try:
        main()
    except UnreadableSnapshotError as error:
        sys.exit(str(error))
