"""Multipart uploads with the time they began: moto says 2010 of all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.s3.models import FakeMultipart
from moto.s3.responses import S3Response

INITIATED_AT = "initiated_at"


def date_multipart_uploads() -> None:
    """Make moto remember and list when uploads began; a second call changes nothing."""
    if S3Response.list_multipart_uploads is list_multipart_uploads:
        return
    create = FakeMultipart.__init__

    def create_dated(upload: FakeMultipart, *arguments: Any, **options: Any) -> None:
        create(upload, *arguments, **options)
        setattr(upload, INITIATED_AT, datetime.now(UTC))

    FakeMultipart.__init__ = create_dated  # type: ignore[method-assign]
    S3Response.list_multipart_uploads = list_multipart_uploads  # type: ignore[method-assign]


def list_multipart_uploads(response: S3Response) -> Any:
    """ListMultipartUploads, on one page."""
    (prefix,) = response.querystring.get("prefix", [""])
    uploads = response.backend.list_multipart_uploads(response.bucket_name).values()
    result = {
        "Bucket": response.bucket_name,
        "MaxUploads": 1000,
        "IsTruncated": False,
        "Uploads": [
            {"Key": u.key_name, "UploadId": u.id, "Initiated": getattr(u, INITIATED_AT)}
            for u in uploads
            if u.key_name.startswith(prefix)
        ],
    }
    response.data["Action"] = "ListMultipartUploads"
    return response.serialized(ActionResult(result))
