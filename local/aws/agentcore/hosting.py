"""Where runtime versions live on this machine: unpacked code, logs and start-up environment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from local.aws.agentcore.bundles import BundleSource, check_bundle, unpack_bundle
from local.aws.agentcore.processes import Launch

AGENT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ")


def runtimes_dir() -> Path:
    """The folder that holds one folder a runtime; follows STAND_IN_DATA_DIR."""
    return Path(os.environ.get("STAND_IN_DATA_DIR", "var/aws")).absolute() / "runtimes"


def install(runtime_id: str, version: str, source: BundleSource) -> None:
    """Fetch, check and unpack a version's bundle unless it is there; raises BundleError."""
    folder = code_folder(runtime_id, version)
    if folder.exists():
        return
    content = source.fetch()
    check_bundle(content, source.entry_point)
    unpack_bundle(content, folder)


def uninstall(runtime_id: str) -> None:
    """Remove a runtime's code and logs."""
    shutil.rmtree(runtimes_dir() / runtime_id, ignore_errors=True)


def code_folder(runtime_id: str, version: str) -> Path:
    """The agent's working directory."""
    return runtimes_dir() / runtime_id / version


def log_file(runtime_id: str) -> Path:
    """What the runtime's processes write to stdout and stderr."""
    return runtimes_dir() / runtime_id / "runtime.log"


def build_launch(
    runtime_id: str,
    version: str,
    entry_point: str,
    variables: dict[str, str],
    region: str,
    endpoint_url: str,
) -> Launch:
    """How to start a version; its own variables cannot replace what AgentCore sets."""
    folder = code_folder(runtime_id, version)
    environment = {
        **{name: os.environ[name] for name in AGENT_VARIABLES if name in os.environ},
        **variables,
        "HOME": str(folder),
        "AWS_REGION": region,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "stand-in",
        "AWS_SECRET_ACCESS_KEY": "stand-in",
    }
    return Launch(runtime_id, version, folder, entry_point, log_file(runtime_id), environment)
