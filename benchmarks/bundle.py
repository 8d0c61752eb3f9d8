"""Measures the bundle with its packages: the first build, then the bundle of one more agent.

`python -m benchmarks.bundle`; needs a package index, and an S3 that is the stand-in's.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

MIB = 1024 * 1024
REPEATS = 5


def main() -> None:
    """Print the table of docs/performance.md."""
    os.environ.update(
        BUNDLE_DEPENDENCIES="arm64",
        BUNDLE_CACHE_DIR=tempfile.mkdtemp(prefix="oratio-bench-"),
        STAND_IN_DATA_DIR=tempfile.mkdtemp(prefix="oratio-bench-"),
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",  # noqa: S106
    )
    start_stand_in()
    from include.runtime.bundle import build_bundle, compute_sha256
    from include.runtime.dependencies import LOCK, read_dependencies, upload_dependencies
    from include.runtime.dependency_build import build_dependencies
    from include.runtime.sbom import build_sbom
    from include.settings import get_settings

    language = get_settings().runtime_language
    packages, seconds = clock(lambda: build_dependencies(LOCK, language))
    show("the packages, built from the lock", seconds, packages)
    upload_dependencies(packages, build_sbom(packages))
    files = {"agent_file.py": b"#" * 9_000, "agent_voice.py": b"#" * 7_000, "agent.json": b"{}"}
    first, seconds = clock(lambda: build_bundle(files, read_dependencies()))
    show("the first agent's bundle, packages from S3", seconds, first)
    timed = [clock(lambda: build_bundle(files, read_dependencies())) for _ in range(REPEATS)]
    again, seconds = sorted(timed, key=lambda pair: pair[1])[REPEATS // 2]
    show(f"another agent's bundle, packages from disk (median of {REPEATS})", seconds, again)
    show("its bill of materials", *reversed(clock(lambda: build_sbom(again))))
    print(f"the same bytes: {compute_sha256(first) == compute_sha256(again)}")


def start_stand_in() -> None:
    """Serve S3 in this process, with the code bucket in it."""
    import threading

    from local.aws.server import build_server

    server = build_server(0)
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    from include.aws import client
    from include.settings import get_settings

    client("s3").create_bucket(Bucket=get_settings().code_bucket)


def clock(work: Callable[[], bytes]) -> tuple[bytes, float]:
    """What the work returns, and the seconds it took."""
    started = time.monotonic()
    return work(), time.monotonic() - started


def show(what: str, seconds: Any, content: Any) -> None:
    """One row of the table."""
    print(f"| {what} | {seconds:.2f} | {len(content) / MIB:.1f} |")


if __name__ == "__main__":
    main()
