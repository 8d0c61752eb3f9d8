"""What every agent imports, imported once so that the processes forked afterwards need not."""

from __future__ import annotations

import importlib

SERVER_MODULES = (
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)
MODEL_SERVICES = ("bedrock-runtime", "bedrock-agent-runtime")


def import_sdks() -> None:
    """Import what every agent needs, down to the parts the SDKs import only on first use."""
    from bedrock_agentcore import BedrockAgentCoreApp
    from strands import Agent, tool
    from strands.models import BedrockModel

    for module in SERVER_MODULES:
        importlib.import_module(module)
    share_service_models()
    Agent(model=BedrockModel(region_name="us-east-1"), tools=[tool(import_sdks)])
    BedrockAgentCoreApp()


def share_service_models() -> None:
    """Let all botocore sessions share one loader with the Bedrock models already read."""
    import botocore.loaders
    import botocore.session

    loader = botocore.loaders.create_loader()
    create_loader = botocore.session.create_loader
    botocore.session.create_loader = lambda path=None: create_loader(path) if path else loader
    session = botocore.session.Session()
    for service in MODEL_SERVICES:
        session.create_client(service, "us-east-1")
