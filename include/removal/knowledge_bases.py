"""The removal of an agent's knowledge base from Bedrock: jobs, data sources, itself, its index."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from include.aws import client, delete_if_there, error_code
from include.errors import NotReadyError, RemovalFailedError
from include.knowledge import ingestion
from include.knowledge.bases import (
    CHANGING_STATES,
    describe,
    find_base,
    find_source,
    list_data_sources,
    list_knowledge_bases,
    read_tags,
)
from include.knowledge.ingestion import DataSource
from include.knowledge.stores import get_store
from include.models import AgentRef
from include.naming import is_tagged_for, knowledge_base_name
from include.settings import get_settings

# What UpdateDataSource wants to have repeated.
SOURCE_FIELDS = ("name", "dataSourceConfiguration", "vectorIngestionConfiguration")


def remove_knowledge_base(ref: AgentRef, stored_id: str | None, redo: bool) -> None:
    """Delete the agent's knowledge base and its vector index; returns when neither is found.

    It is looked for by the stored id and by name and tags: a create may have been cut off before
    its id was stored. `redo` says that a deletion which AWS gave up is to be asked for again.

    :raises NotReadyError: while AWS is creating, ingesting or deleting.
    :raises RemovalFailedError: when AWS gave up deleting, with its reasons.
    """
    while base := find_knowledge_base(ref, stored_id):
        delete_knowledge_base(base, redo)
    settings = get_settings()
    get_store(settings).remove(settings, ref)  # after its user: Bedrock empties it first


def find_knowledge_base(ref: AgentRef, stored_id: str | None) -> dict[str, Any] | None:
    """The agent's knowledge base by id, else by name and tags."""
    found = find_base(stored_id) if stored_id else None
    if found:
        return found
    for summary in list_knowledge_bases():
        if summary["name"] == knowledge_base_name(ref.agent_id):
            named = find_base(summary["knowledgeBaseId"])
            return named if named and is_tagged_for(read_tags(named), ref) else None
    return None


def delete_knowledge_base(base: dict[str, Any], redo: bool) -> None:
    """Delete one knowledge base with its data sources; returns when it is gone."""
    bedrock_id = base["knowledgeBaseId"]
    what, ids = f"Knowledge base {bedrock_id}", {"id": bedrock_id}
    if base["status"] in CHANGING_STATES:
        raise NotReadyError(f"{what} is {base['status']}.", "knowledge_base", ids)
    for summary in list_data_sources(bedrock_id):
        remove_source(DataSource(bedrock_id, summary["dataSourceId"]), redo)
    if base["status"] == "DELETE_UNSUCCESSFUL" and not redo:
        raise RemovalFailedError(f"{what} could not be deleted: {describe(base)}.")
    delete_if_there(client("bedrock-agent").delete_knowledge_base, knowledgeBaseId=bedrock_id)
    if find_base(bedrock_id):
        raise NotReadyError(f"{what} is being deleted.", "knowledge_base", ids)


def remove_source(source: DataSource, redo: bool) -> None:
    """Stop what a data source ingests and delete it; returns when it is gone."""
    found = find_source(source.bedrock_id, source.data_source_id)
    ids = {"id": source.bedrock_id, "data_source_id": source.data_source_id}
    if found is None:
        return
    if found["status"] in CHANGING_STATES:
        raise NotReadyError(f"Data source is {found['status']}.", "data_source", ids)
    stop_jobs(source)
    if found["status"] == "DELETE_UNSUCCESSFUL":
        give_up_vectors(source, found, redo)
    delete_if_there(client("bedrock-agent").delete_data_source, **source.ids)
    if find_source(source.bedrock_id, source.data_source_id):
        raise NotReadyError("Data source is being deleted.", "data_source", ids)


def stop_jobs(source: DataSource) -> None:
    """Stop running ingestion jobs: a data source cannot be deleted under them."""
    for job in ingestion.list_jobs(source):
        if job["status"] not in ingestion.CHANGING_STATES:
            continue
        if job["status"] != "STOPPING":
            stop_job(source, job["ingestionJobId"])
        ids = {"id": source.bedrock_id, "data_source_id": source.data_source_id}
        ids["job_id"] = job["ingestionJobId"]
        raise NotReadyError("The ingestion job is being stopped.", "ingestion_job", ids)


def stop_job(source: DataSource, job_id: str) -> None:
    """Ask for the end of a job; one that has just ended refuses, which is as well."""
    try:
        client("bedrock-agent").stop_ingestion_job(**source.ids, ingestionJobId=job_id)
    except ClientError as error:
        if error_code(error) not in ("ConflictException", "ValidationException"):
            raise


def give_up_vectors(source: DataSource, found: dict[str, Any], redo: bool) -> None:
    """Let a data source go without emptying its index, which is deleted as a whole anyway.

    Bedrock cannot delete from an index that somebody has deleted before.
    """
    if found["dataDeletionPolicy"] != "RETAIN":
        fields = {name: found[name] for name in SOURCE_FIELDS if name in found}
        client("bedrock-agent").update_data_source(
            **source.ids, **fields, dataDeletionPolicy="RETAIN"
        )
    elif not redo:
        raise RemovalFailedError(f"The data source could not be deleted: {describe(found)}.")
