"""The AWS stand-in as a process: `python -m local.aws.server --port 4566`."""

from __future__ import annotations

import argparse

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from local.aws.dispatch import Services, StandInApp

# Signing name -> response classes. Bedrock's four services share the name "bedrock".
SERVICES: Services = {
    "bedrock": [],
    "bedrock-agentcore": [],
    "s3vectors": [],
}


def build_server(port: int) -> BaseWSGIServer:
    """A threaded server on 127.0.0.1; port 0 picks a free one."""
    app = StandInApp(SERVICES)
    return make_server(
        "127.0.0.1", port, app, threaded=True, request_handler=MotoRequestHandler
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4566)
    build_server(parser.parse_args().port).serve_forever()


if __name__ == "__main__":
    main()
