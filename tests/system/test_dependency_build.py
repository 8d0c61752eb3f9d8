"""The packages of agents' bundles, built for real from the lock, with the package index."""

from __future__ import annotations

import io
import zipfile

import pytest

from include.errors import ConfigurationError
from include.runtime.bundle import build_bundle, compute_sha256
from include.runtime.dependencies import LOCK
from include.runtime.dependency_build import build_dependencies

pytestmark = pytest.mark.system


@pytest.fixture
def packages():
    try:
        return build_dependencies(LOCK, "PYTHON_3_13")
    except ConfigurationError as error:
        if "Failed to fetch" in error.message or "error sending request" in error.message:
            pytest.skip(f"no package index: {error.message[:200]}")
        raise


def test_the_lock_builds_the_same_bundle_twice(packages):
    again = build_dependencies(LOCK, "PYTHON_3_13")
    assert compute_sha256(again) == compute_sha256(packages)
    files = {"agent_file.py": b"print(1)", "agent.json": b"{}"}
    with zipfile.ZipFile(io.BytesIO(build_bundle(files, packages))) as archive:
        names = set(archive.namelist())
    assert {
        "strands/__init__.py",
        "strands/bidi/__init__.py",
        "aws_sdk_bedrock_runtime/client.py",
        "bedrock_agentcore/__init__.py",
        "boto3/__init__.py",
        "_awscrt.abi3.so",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("bin/")]
