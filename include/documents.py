"""Files in S3: a tenant's documents and the code generated for an agent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import IO, Any

from include.aws import client
from include.models import AgentRef
from include.naming import SIDECAR_SUFFIX, agent_prefix, code_key, object_tagging
from include.settings import MIB, get_settings

# S3 Vectors silently ignores a document whose sidecar is larger than this.
MAX_SIDECAR_BYTES = 1024
MAX_DESCRIPTION_CHARACTERS = 200
MAX_DELETED_AT_ONCE = 1000  # by S3
SIDECAR_THREADS = 8


def put_document(ref: AgentRef, path: str, content: IO[bytes]) -> None:
    """Upload one document below the agent's prefix, in parts when it is large."""
    client("s3").upload_fileobj(
        content,
        get_settings().kb_bucket,
        agent_prefix(ref.user_id, ref.agent_id) + path,
        ExtraArgs={"Tagging": object_tagging(ref, "knowledge-base")},
    )


def put_sidecar(ref: AgentRef, path: str, description: str) -> None:
    """Write a document's `.metadata.json`: Bedrock keeps the description with each passage."""
    client("s3").put_object(
        Bucket=get_settings().kb_bucket,
        Key=agent_prefix(ref.user_id, ref.agent_id) + path + SIDECAR_SUFFIX,
        Body=build_sidecar(ref, description),
        Tagging=object_tagging(ref, "knowledge-base"),
        ContentType="application/json",
    )


def rewrite_sidecars(ref: AgentRef, descriptions: Mapping[str, str | None]) -> None:
    """Give each of these documents the sidecar of its description, or none."""
    described = {path: text for path, text in descriptions.items() if text}
    with ThreadPoolExecutor(SIDECAR_THREADS) as executor:
        jobs = [executor.submit(put_sidecar, ref, *item) for item in described.items()]
    for job in jobs:
        job.result()
    prefix = agent_prefix(ref.user_id, ref.agent_id)
    delete_objects([prefix + p + SIDECAR_SUFFIX for p in descriptions.keys() - described.keys()])


def build_sidecar(ref: AgentRef, description: str) -> bytes:
    """The sidecar's JSON, cut to stay within MAX_SIDECAR_BYTES."""
    short = description[:MAX_DESCRIPTION_CHARACTERS]
    while True:
        attributes = {"user_id": ref.user_id, "agent_id": ref.agent_id, "description": short}
        body = json.dumps({"metadataAttributes": attributes}, ensure_ascii=False).encode()
        if len(body) <= MAX_SIDECAR_BYTES:
            return body
        short = short[:-10]


def list_documents(ref: AgentRef) -> list[dict[str, Any]]:
    """What S3 holds of an agent's documents: path, version, ETag and size of each."""
    prefix = agent_prefix(ref.user_id, ref.agent_id)
    pages = (
        client("s3")
        .get_paginator("list_object_versions")
        .paginate(Bucket=get_settings().kb_bucket, Prefix=prefix)
    )
    return [
        {
            "path": item["Key"].removeprefix(prefix),
            "versionId": item["VersionId"],
            "eTag": item["ETag"].strip('"'),
            "sizeBytes": item["Size"],
        }
        for page in pages
        for item in page.get("Versions", [])
        if item["IsLatest"] and not item["Key"].endswith(SIDECAR_SUFFIX)
    ]


def read_beginning(ref: AgentRef, path: str, limit_bytes: int) -> str:
    """The beginning of a plain-text document; what is no UTF-8 is replaced."""
    answer = client("s3").get_object(
        Bucket=get_settings().kb_bucket, Key=agent_prefix(ref.user_id, ref.agent_id) + path
    )
    content: bytes = answer["Body"].read(limit_bytes)
    return content.decode("utf-8", "replace")


def delete_document(ref: AgentRef, path: str) -> None:
    """Remove one document and its sidecar; the bucket's lifecycle rule ends their old versions."""
    key = agent_prefix(ref.user_id, ref.agent_id) + path
    delete_objects([key, key + SIDECAR_SUFFIX])


def delete_objects(keys: list[str]) -> None:
    """Remove up to 1,000 objects of the documents bucket; those that are not there, too."""
    if keys:
        delete = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        client("s3").delete_objects(Bucket=get_settings().kb_bucket, Delete=delete)


def delete_documents(ref: AgentRef) -> None:
    """Remove everything below the agent's prefix, all versions included."""
    delete_versions(agent_prefix(ref.user_id, ref.agent_id))


def delete_versions(prefix: str, bucket: str | None = None) -> None:
    """Remove all objects below a prefix for good: versions and delete markers, too."""
    bucket = bucket or get_settings().kb_bucket
    found = list_versions(prefix, bucket)
    while batch := list(islice(found, MAX_DELETED_AT_ONCE)):
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in batch]
        client("s3").delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def list_versions(prefix: str, bucket: str | None = None) -> Iterator[dict[str, Any]]:
    """All versions and delete markers below a prefix, as S3 describes them."""
    pages = client("s3").get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=bucket or get_settings().kb_bucket, Prefix=prefix):
        yield from page.get("Versions", []) + page.get("DeleteMarkers", [])


def put_code(ref: AgentRef, key: str, content: bytes) -> str:
    """Store a generated file under `key` and return its S3 version id."""
    answer = client("s3").put_object(
        Bucket=get_settings().code_bucket,
        Key=key,
        Body=content,
        Tagging=object_tagging(ref, "generated-code"),
    )
    return str(answer["VersionId"])


def read_code(key: str, version_id: str | None) -> bytes:
    """A generated file, of one version if given."""
    version = {"VersionId": version_id} if version_id else {}
    answer = client("s3").get_object(Bucket=get_settings().code_bucket, Key=key, **version)
    content: bytes = answer["Body"].read()
    return content


def hash_code(key: str, version_id: str) -> str:
    """SHA-256 of one version of a generated file, read piece by piece: bundles can be large."""
    answer = client("s3").get_object(
        Bucket=get_settings().code_bucket, Key=key, VersionId=version_id
    )
    digest = hashlib.sha256()
    for piece in answer["Body"].iter_chunks(MIB):
        digest.update(piece)
    return digest.hexdigest()


def code_uri(ref: AgentRef, name: str) -> str:
    """S3 URI of a generated file."""
    return f"s3://{get_settings().code_bucket}/{code_key(ref, name)}"
