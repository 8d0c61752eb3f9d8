"""The stand-in's state survives its process."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from moto.core.base_backend import BackendDict

from include.aws import client
from local.aws import snapshot
from local.aws.dispatch import is_read
from local.aws.snapshot import Snapshot, UnreadableSnapshotError

BUCKET = "oratio-knowledge-bases"


def forget_everything() -> None:
    """As a new process: no backend knows anything."""
    BackendDict.reset()


def test_objects_records_and_configuration_come_back(empty_stand_in, tmp_path: Path) -> None:
    content = b"hello" * 100_000
    version = client("s3").put_object(Bucket=BUCKET, Key="a/b.txt", Body=content)["VersionId"]
    item = {"userId": {"S": "a"}, "agentId": {"S": "b"}}
    client("dynamodb").put_item(TableName="oratio-agents", Item=item)
    client("s3vectors").create_vector_bucket(vectorBucketName="oratio-snapshot")
    Snapshot(tmp_path).save()

    forget_everything()
    assert client("s3").list_buckets()["Buckets"] == []
    Snapshot(tmp_path).restore()

    found = client("s3").get_object(Bucket=BUCKET, Key="a/b.txt", VersionId=version)
    assert found["Body"].read() == content
    assert client("s3").get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert client("dynamodb").scan(TableName="oratio-agents")["Items"] == [item]
    buckets = client("s3vectors").list_vector_buckets()["vectorBuckets"]
    assert "oratio-snapshot" in [bucket["vectorBucketName"] for bucket in buckets]


def test_contents_are_written_once_and_removed_with_their_object(
    empty_stand_in, tmp_path: Path
) -> None:
    client("s3").put_object(Bucket="oratio-generated-code", Key="one", Body=b"x" * 1000)
    saving = Snapshot(tmp_path)
    saving.save()
    (written,) = (tmp_path / "objects").iterdir()
    first = written.stat().st_mtime_ns
    saving.save()
    assert written.stat().st_mtime_ns == first
    forget_everything()
    saving.save()
    assert list((tmp_path / "objects").iterdir()) == []


def test_a_snapshot_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state.pickle").write_bytes(b"cnot_a_module\nThing\n.")
    with pytest.raises(UnreadableSnapshotError, match="make reset"):
        Snapshot(tmp_path).restore()


def test_without_a_snapshot_nothing_happens(tmp_path: Path) -> None:
    Snapshot(tmp_path / "new").restore()


def test_a_state_that_changes_meanwhile_is_saved(tmp_path: Path, monkeypatch) -> None:
    state = {number: [number] for number in range(100_000)}
    monkeypatch.setattr(snapshot, "collect_backends", lambda: state)
    is_saved = threading.Event()

    def go_on_writing() -> None:
        while not is_saved.wait(0.0001):
            state[len(state)] = []

    with ThreadPoolExecutor(1) as executor:
        executor.submit(go_on_writing)
        Snapshot(tmp_path).save()
        is_saved.set()
    assert len(Snapshot(tmp_path).load()) >= 100_000


def test_after_a_failure_it_is_saved_the_next_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(snapshot, "MIN_PAUSE_SECONDS", 0.01)
    answers = iter([OSError("No space left on device"), {}])

    def collect_backends() -> Any:
        if isinstance(answer := next(answers), OSError):
            raise answer
        return answer

    monkeypatch.setattr(snapshot, "collect_backends", collect_backends)
    saving = Snapshot(tmp_path)
    saving.start()
    saving.mark_changed()
    while not saving.file.exists():
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("method", "path", "target", "expected"),
    [
        ("GET", "/bucket/key", "", True),
        ("PUT", "/bucket/key", "", False),
        ("POST", "/", "DynamoDB_20120810.GetItem", True),
        ("POST", "/", "DynamoDB_20120810.UpdateItem", False),
        ("POST", "/knowledgebases/X/retrieve", "", True),
        ("POST", "/model/m/converse-stream", "", True),
        ("PUT", "/knowledgebases/", "", False),
    ],
)
def test_only_what_may_change_something_causes_a_snapshot(method, path, target, expected) -> None:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_X_AMZ_TARGET": target}
    assert is_read(environ) is expected
