"""The packages of all bundles: uploaded once, fetched once, never taken on trust."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from include.aws import client
from include.creator.publish import publish_code
from include.documents import read_code
from include.errors import DependenciesMissingError
from include.naming import sbom_key
from include.runtime.bundle import build_bundle
from include.runtime.dependencies import (
    get_disk_path,
    get_key,
    read_dependencies,
    upload_dependencies,
)
from include.settings import get_settings
from tests.fakes import store_agent

PACKAGES = build_bundle({"six.py": b"six", "six-1.dist-info/METADATA": b"Name: six\nVersion: 1\n"})


@pytest.fixture
def arm64(empty_stand_in, configure, tmp_path):
    configure(BUNDLE_DEPENDENCIES="arm64", BUNDLE_CACHE_DIR=tmp_path)
    return tmp_path


def overwrite(content: bytes) -> None:
    settings = get_settings()
    head = client("s3").head_object(Bucket=settings.code_bucket, Key=get_key(settings))
    client("s3").put_object(
        Bucket=settings.code_bucket,
        Key=get_key(settings),
        Body=content,
        Metadata=head["Metadata"],
    )


def test_the_embedded_stack_has_none(configure):
    assert read_dependencies() == b""


def test_without_an_upload_the_operator_is_told_what_to_run(arm64):
    with pytest.raises(DependenciesMissingError, match="python -m include"):
        read_dependencies()


def test_the_disk_answers_the_second_time(arm64):
    upload_dependencies(PACKAGES, b"{}")
    assert read_dependencies() == PACKAGES
    overwrite(b"would be refused, if it were read")
    assert read_dependencies() == PACKAGES


def test_a_changed_copy_on_disk_is_replaced(arm64):
    upload_dependencies(PACKAGES, b"{}")
    read_dependencies()
    [kept] = arm64.iterdir()
    kept.write_bytes(b"something else")
    assert read_dependencies() == PACKAGES
    assert kept.read_bytes() == PACKAGES


def test_a_changed_upload_is_refused(arm64):
    upload_dependencies(PACKAGES, b"{}")
    overwrite(b"something else")
    with pytest.raises(DependenciesMissingError, match="not those that were uploaded"):
        read_dependencies()
    assert not list(arm64.iterdir())


def test_a_disk_that_cannot_be_written_does_not_matter(arm64, configure):
    configure(BUNDLE_CACHE_DIR="/dev/null/nowhere")
    upload_dependencies(PACKAGES, b"{}")
    assert read_dependencies() == PACKAGES
    assert not get_disk_path(get_settings(), "x").parent.exists()


def test_another_python_has_other_dependencies(configure):
    before = get_key(get_settings())
    configure(RUNTIME_LANGUAGE="PYTHON_3_14")
    assert get_key(get_settings()) != before


def test_a_published_bundle_holds_them_and_is_described_beside(arm64):
    upload_dependencies(PACKAGES, b"{}")
    agent = store_agent()
    version = publish_code(agent)
    bundle = read_code(version.code_s3_key, version.code_s3_version)
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert {"six.py", "agent_file.py", "agent.json"} <= set(archive.namelist())
    sbom = json.loads(read_code(sbom_key(agent.ref), None))
    assert sbom["metadata"]["component"]["hashes"][0]["content"] == version.code_sha256
    assert "pkg:pypi/six@1" in [c.get("purl") for c in sbom["components"]]
