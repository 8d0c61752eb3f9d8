"""S3's ListObjectVersions: moto copies a whole bucket, contents included, to list a part of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend

Version = FakeKey | FakeDeleteMarker


def list_without_contents() -> None:
    """Make listing versions cost what is asked for; a second call changes nothing."""
    operation = S3Backend.list_object_versions
    if not hasattr(operation, "__wrapped__"):
        S3Backend.list_object_versions = below_prefix(operation)  # type: ignore[method-assign]


def below_prefix(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The operation, which sees nothing of the bucket but descriptions of what it may list."""

    @functools.wraps(operation)
    def list_versions(
        backend: S3Backend, bucket_name: str, *arguments: Any, prefix: str = "", **options: Any
    ) -> Any:
        keys = backend.get_bucket(bucket_name).keys
        bucket = SimpleNamespace(keys=Descriptions(keys, prefix))
        view = SimpleNamespace(get_bucket=lambda _name: bucket)
        return operation(view, bucket_name, *arguments, prefix=prefix, **options)

    return list_versions


class Descriptions:
    """The versions of all objects below a prefix, as moto's bucket has them."""

    def __init__(self, keys: Any, prefix: str) -> None:
        self.keys, self.prefix = keys, prefix

    def iterlists(self) -> Iterator[tuple[str, Versions]]:
        """Each object's name and versions."""
        for name, versions in self.keys.iterlists():
            if name.startswith(self.prefix):
                yield name, Versions(versions)


class Versions(list[Version]):
    """One object's versions; a copy of them leaves the contents where they are."""

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Version]:
        return [describe(version) for version in self]


def describe(version: Version) -> Version:
    """The same version in an object of its own, without its content."""
    described = object.__new__(type(version))
    vars(described).update(vars(version))
    if isinstance(version, FakeKey):
        etag = version.etag.strip('"')  # made from the content when it is first asked for
        # What belongs to the original would be closed together with the description.
        own = {"_value_buffer": BytesIO(), "multipart": None, "disposed": True}
        vars(described).update(own, _etag=etag)
    return described
