"""`python -m benchmarks.uploads`: memory and speed of large submissions beside `aws s3 cp`.

Starts the stand-in and the intake under gunicorn, on free ports, as processes of their own.
`--files 20 --megabytes 50 --at-once 8` sends 1 GiB eight times at the same time.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3
import httpx
import psutil

from local.environment import aws_variables
from local.settings import ROOT, get_stack_settings
from local.tokens import make_token

MIB = 1024 * 1024
BUCKET = "oratio-knowledge-bases"
FORM = {
    "agentName": "Benchmark",
    "agentType": "text",
    "sop": "Answer from the documents.",
    "knowledgeBaseDescription": "Use it for everything.",
    "humanHandoffDescription": "Hand over when asked to.",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args()
    total = options.files * options.megabytes * options.at_once
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = build_environment(folder)
        stack.enter_context(serve_stand_in(environment))
        port, intake = stack.enter_context(serve_intake(environment))
        files = write_files(folder / "documents", options.files, options.megabytes)
        token = make_token("benchmark", environment["JWT_SECRET"])
        post_all(port, token, write_files(folder / "warm-up", 1, 1), 8)  # reaches both workers
        copy_seconds = [measure(lambda: copy(files, environment, options.at_once))]
        remove_copies(environment)  # they take as much of the disk as what follows
        with watch_memory(intake) as memory:
            post_seconds = measure(lambda: post_all(port, token, files, options.at_once))
        copy_seconds.append(measure(lambda: copy(files, environment, options.at_once)))
    copied = sum(copy_seconds) / len(copy_seconds)
    print(f"{options.at_once} x {options.files} x {options.megabytes} MB")
    print(f"aws s3 cp   {total / copied:7.1f} MB/s ({copied:.1f} s, before and after)")
    print(f"intake      {total / post_seconds:7.1f} MB/s ({post_seconds:.1f} s)")
    print(f"ratio       {copied / post_seconds:7.2f}")
    print(f"memory      {max(memory) - memory[0]:+7.1f} MB over {memory[0]:.0f} MB at rest")


def build_environment(folder: Path) -> dict[str, str]:
    """The variables of all processes: a stand-in of their own, nothing saved."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    own = aws_variables(get_stack_settings()) | {
        "AWS_ENDPOINT_URL": url,
        "STAND_IN_DATA_DIR": str(folder / "aws"),
        "AIRFLOW_URL": "http://127.0.0.1:9",
        "JWT_SECRET": secrets.token_hex(32),
        "PYTHONPATH": str(ROOT),
    }
    return os.environ | own


@contextmanager
def serve_stand_in(environment: dict[str, str]) -> Iterator[None]:
    """The stand-in as a process, with our tables and buckets."""
    url = environment["AWS_ENDPOINT_URL"]
    command = [sys.executable, "-m", "local.aws.server", "--port", url.rpartition(":")[2]]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"{url}/moto-api/")
        template = (ROOT / "infra" / "template.yaml").read_text()
        aws = [sys.executable, "-m", "awscli", "cloudformation", "create-stack"]
        aws += ["--stack-name", "oratio", "--template-body", template]
        aws += ["--capabilities", "CAPABILITY_NAMED_IAM"]
        subprocess.run(aws, env=environment, check=True, stdout=subprocess.DEVNULL)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def serve_intake(environment: dict[str, str]) -> Iterator[tuple[int, psutil.Process]]:
    """The intake as `make up` starts it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "--config", "python:api.serving"]
        command += ["--bind", f"fd://{listener.fileno()}", "api.app:create_app()"]
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}/health")
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def wait_for(url: str) -> None:
    """Wait until something answers there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit(f"Nothing answers at {url}.")


def write_files(folder: Path, count: int, megabytes: int) -> list[Path]:
    """Text files that differ, so that nothing can be stored once."""
    folder.mkdir()
    files = [folder / f"{number}.txt" for number in range(count)]
    for number, file in enumerate(files):
        line = f"Line of document {number}: {secrets.token_hex(40)}\n".encode()
        file.write_bytes((line * (megabytes * 1_000_000 // len(line) + 1))[: megabytes * 1_000_000])
    return files


def copy(files: list[Path], environment: dict[str, str], times: int) -> None:
    """The same files with the AWS command line, `times` at once."""
    target = f"s3://{BUCKET}/copy-{secrets.token_hex(4)}"
    command = [sys.executable, "-m", "awscli", "s3", "cp", "--recursive", "--only-show-errors"]
    copies = [
        subprocess.Popen([*command, str(files[0].parent), f"{target}/{number}"], env=environment)
        for number in range(times)
    ]
    ends = [process.wait() for process in copies]
    if any(ends):
        raise SystemExit("aws s3 cp failed")


def remove_copies(environment: dict[str, str]) -> None:
    """Delete what was copied, for good."""
    s3 = boto3.resource(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    s3.Bucket(BUCKET).object_versions.filter(Prefix="copy-").delete()


def post_all(port: int, token: str, files: list[Path], times: int) -> None:
    """The same submission, `times` at once."""
    with ThreadPoolExecutor(times) as executor:
        list(executor.map(lambda _: post(port, token, files), range(times)))


def post(port: int, token: str, files: list[Path]) -> None:
    """One submission; curl sends it, so that this process is not what is measured."""
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--output", os.devnull]
    command += ["--header", f"Authorization: Bearer {token}"]
    command += [part for item in FORM.items() for part in ("--form-string", "=".join(item))]
    command += [part for file in files for part in ("--form", f"files=@{file}")]
    subprocess.run([*command, f"http://127.0.0.1:{port}/api/agents"], check=True)


def measure(work: object) -> float:
    """Seconds that a call takes."""
    started_at = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started_at


@contextmanager
def watch_memory(parent: psutil.Process) -> Iterator[list[float]]:
    """Resident megabytes of a process and its children: at rest, then ten times a second."""
    samples = [read_memory(parent)]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            samples.append(read_memory(parent))

    thread = threading.Thread(target=watch)
    thread.start()
    yield samples
    done.set()
    thread.join()


def read_memory(parent: psutil.Process) -> float:
    """Resident memory of the process and its children, in megabytes."""
    processes = [parent, *parent.children(recursive=True)]
    return sum(process.memory_info().rss for process in processes) / 1_000_000


if __name__ == "__main__":
    main()
