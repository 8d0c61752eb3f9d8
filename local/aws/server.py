"""The AWS stand-in as a process: `python -m local.aws.server --port 4566`."""

from __future__ import annotations

import argparse
import os

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from local.aws.agentcore import AgentCore
from local.aws.agentcore_control import AgentCoreControl
from local.aws.bedrock_runtime import BedrockRuntime
from local.aws.cloudformation import complete_cloudformation
from local.aws.data_sources import DataSources
from local.aws.delays import set_delays
from local.aws.dispatch import Services, StandInApp
from local.aws.ingestion import Ingestion
from local.aws.knowledge_bases import KnowledgeBases
from local.aws.processes import PROCESSES
from local.aws.retrieval import Retrieval
from local.aws.vectors import Vectors

# Signing name -> response classes. Bedrock's four services share the name "bedrock".
SERVICES: Services = {
    "bedrock": [KnowledgeBases, DataSources, Ingestion, Retrieval, BedrockRuntime],
    "bedrock-agentcore": [AgentCore, AgentCoreControl],
    "s3vectors": [Vectors],
}


def build_server(port: int) -> BaseWSGIServer:
    """A threaded server on 127.0.0.1; port 0 picks a free one."""
    complete_cloudformation()
    app = StandInApp(SERVICES)
    return make_server(
        "127.0.0.1", port, app, threaded=True, request_handler=MotoRequestHandler
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4566)
    set_delays(os.environ.get("STAND_IN_DELAYS", "off"))
    PROCESSES.warm_parent.start()
    build_server(parser.parse_args().port).serve_forever()


if __name__ == "__main__":
    main()
