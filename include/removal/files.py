"""The removal of an agent's files from S3: documents, generated code, what is still on its way."""

from __future__ import annotations

from include.documents import delete_versions, list_versions
from include.errors import RemovalFailedError
from include.models import AgentRef
from include.naming import agent_prefix, staging_prefix
from include.settings import get_settings
from include.staging import abort_uploads, find_uploads


def remove_files(ref: AgentRef) -> None:
    """Delete all versions, delete markers and unfinished uploads; returns when none is left.

    :raises RemovalFailedError: when S3 still lists something.
    """
    for bucket, prefix in list_places(ref):
        abort_uploads(bucket, prefix)
        delete_versions(prefix, bucket)
    for bucket, prefix in list_places(ref):
        if any(list_versions(prefix, bucket)) or any(find_uploads(prefix, bucket)):
            raise RemovalFailedError(f"Something is left below s3://{bucket}/{prefix}.")


def list_places(ref: AgentRef) -> list[tuple[str, str]]:
    """Every bucket and prefix that may hold something of an agent's."""
    settings, own = get_settings(), agent_prefix(ref.user_id, ref.agent_id)
    staged = staging_prefix(ref.user_id, ref.agent_id)
    return [(settings.kb_bucket, own), (settings.kb_bucket, staged), (settings.code_bucket, own)]
