"""`python -m benchmarks.plain_script 20`: creates agents by calling include/, step after step.

What Airflow adds is missing: nothing is retried, watched or resumed. Needs a stack's environment.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

from include import records
from include.creator.publish import publish_code
from include.documents import put_document
from include.errors import NotReadyError
from include.knowledge.bases import ensure_knowledge_base
from include.knowledge.ingestion import ingest_documents
from include.models import Agent, AgentRef, Document, KnowledgeBase
from include.naming import document_uri
from include.runtime.deploy import deploy_runtime
from include.runtime.verify import verify_agent
from include.settings import get_settings
from include.steps import Work, activate_agent, run_step
from local.settings import ROOT

SAMPLES = ROOT / "samples"
STEPS: dict[str, Work] = {
    "ensure_knowledge_base": lambda agent, redo: ensure_knowledge_base(agent),
    "ingest_documents": ingest_documents,
    "generate_code": lambda agent, redo: {"candidate": publish_code(agent)},
    "deploy_runtime": deploy_runtime,
    "verify_agent": lambda agent, redo: verify_agent(agent),
    "activate": lambda agent, redo: activate_agent(agent),
}
THREADS = 8
POLL_SECONDS = 0.1


def main() -> None:
    """Create as many agents as the command line says, a few at a time."""
    count = int(sys.argv[1])
    with ThreadPoolExecutor(THREADS) as executor:
        list(executor.map(lambda _: create_agent(), range(count)))


def create_agent() -> None:
    """Store one submission of the samples, then do every step."""
    agent = store_submission()
    for name, work in STEPS.items():
        run_to_the_end(agent.ref, name, work)


def run_to_the_end(ref: AgentRef, name: str, work: Work) -> None:
    """Do one step, again and again while what it waits for changes."""
    while True:
        try:
            return run_step(ref, name, 1, work)
        except NotReadyError:
            time.sleep(POLL_SECONDS)


def store_submission() -> Agent:
    """What POST /api/agents leaves: documents in S3, both records."""
    agent = Agent(
        user_id="script", agent_id=str(uuid4()), knowledge_base_id=str(uuid4()), **read_form()
    )
    folder = SAMPLES / "documents"
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    for file in files:
        with file.open("rb") as content:
            put_document(agent.ref, str(file.relative_to(folder)), content)
    records.create_agent(agent, build_knowledge_base(agent, folder, files))
    return agent


def build_knowledge_base(agent: Agent, folder: Path, files: list[Path]) -> KnowledgeBase:
    """The knowledge base's record."""
    return KnowledgeBase(
        knowledge_base_id=agent.knowledge_base_id,
        user_id=agent.user_id,
        agent_id=agent.agent_id,
        s3_path=document_uri(get_settings(), agent.ref),
        documents=[
            Document(path=str(file.relative_to(folder)), size_bytes=file.stat().st_size)
            for file in files
        ],
    )


def read_form() -> dict[str, Any]:
    """The samples' text fields, by our names for them."""
    form = json.loads((SAMPLES / "agent.json").read_text())
    names = {field.alias or name: name for name, field in Agent.model_fields.items()}
    fields = {names[key]: value for key, value in form.items() if key in names}
    return fields | {"sop": (SAMPLES / "sop.md").read_text()}


if __name__ == "__main__":
    main()
