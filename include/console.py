"""Addresses in the AWS console, in the region and partition of the settings."""

from __future__ import annotations

from urllib.parse import quote

from include.models import Agent, KnowledgeBase
from include.settings import get_settings

DOMAINS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


def build_knowledge_base_url(knowledge_base: KnowledgeBase) -> str | None:
    """The Bedrock knowledge base, once there is one."""
    found = knowledge_base.bedrock_knowledge_base_id
    region = get_settings().aws_region
    return found and f"{home()}/bedrock/home?region={region}#/knowledge-bases/{quote(found)}"


def build_runtime_url(agent: Agent) -> str | None:
    """The AgentCore runtime, once there is one."""
    found = agent.agentcore_agent_id
    region = get_settings().aws_region
    return found and f"{home()}/bedrock-agentcore/agents/{quote(found)}?region={region}"


def home() -> str:
    """The console's own address."""
    region = get_settings().aws_region
    domains = (name for prefix, name in DOMAINS.items() if region.startswith(prefix))
    return f"https://{region}.{next(domains, 'console.aws.amazon.com')}"
