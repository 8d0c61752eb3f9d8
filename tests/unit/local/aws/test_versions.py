"""Versions are listed as moto lists them, whatever else a bucket holds, and no content is read."""

from __future__ import annotations

import gc

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import FakeKey

from local.aws.versions import list_without_contents


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    list_without_contents()
    with mock_aws():
        bucket = boto3.resource("s3", region_name="us-east-1").Bucket("documents")
        bucket.create()
        bucket.Versioning().enable()
        yield bucket


def fill(bucket):
    """Two versions and a deletion below `a/`, one object elsewhere."""
    for key, body in (("a/1", b"old"), ("a/1", b"new"), ("a/2", b"two"), ("b/1", b"other")):
        bucket.put_object(Key=key, Body=body)
    bucket.Object("a/2").delete()


def list_page(bucket, **options):
    return bucket.meta.client.list_object_versions(Bucket=bucket.name, **options)


def test_versions_and_deletions_below_a_prefix_are_listed(bucket):
    fill(bucket)
    page = list_page(bucket, Prefix="a/")
    assert [(v["Key"], v["IsLatest"], v["Size"]) for v in page["Versions"]] == [
        ("a/1", True, 3),
        ("a/1", False, 3),
        ("a/2", False, 3),
    ]
    assert [(m["Key"], m["IsLatest"]) for m in page["DeleteMarkers"]] == [("a/2", True)]


def test_pages_follow_each_other(bucket):
    fill(bucket)
    paginator = bucket.meta.client.get_paginator("list_object_versions")
    pages = paginator.paginate(Bucket=bucket.name, PaginationConfig={"PageSize": 1})
    listed = [v["Key"] for page in pages for v in page.get("Versions", [])]
    assert listed == ["a/1", "a/1", "a/2", "b/1"]


def test_no_content_is_read_or_lost(bucket, monkeypatch):
    fill(bucket)

    def read(key):
        raise AssertionError(f"{key.name} was copied")

    monkeypatch.setattr(FakeKey, "__getstate__", read)
    list_page(bucket)
    gc.collect()
    assert bucket.Object("a/1").get()["Body"].read() == b"new"


def test_the_bucket_keeps_its_own_versions(bucket):
    fill(bucket)
    old = list_page(bucket, Prefix="a/1")["Versions"][1]["VersionId"]
    bucket.meta.client.delete_object(Bucket=bucket.name, Key="a/1", VersionId=old)
    assert [v["Key"] for v in list_page(bucket, Prefix="a/")["Versions"]] == ["a/1", "a/2"]
