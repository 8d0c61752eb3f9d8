"""The bill of materials of a bundle, read from what is in it: CycloneDX 1.6 as JSON."""

from __future__ import annotations

import io
import json
from email.message import Message
from email.parser import HeaderParser
from typing import Any
from uuid import UUID, uuid5
from zipfile import ZipFile

from include.runtime.bundle import AGENT_FILES, compute_sha256

SERIAL_NUMBERS = UUID("f0a3c1de-5a0e-4f7b-9a35-8d6a0d9b7c21")  # namespace, ours
METADATA = ".dist-info/METADATA"


def build_sbom(bundle: bytes) -> bytes:
    """Every package of a bundle or of its dependencies alone, and the agent's own files."""
    with ZipFile(io.BytesIO(bundle)) as archive:
        names = archive.namelist()
        files = [build_file(n, archive.read(n)) for n in names if n in AGENT_FILES]
        texts = [archive.read(n).decode() for n in names if n.endswith(METADATA)]
    sha256 = compute_sha256(bundle)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(SERIAL_NUMBERS, sha256)}",
        "version": 1,
        "metadata": {"component": {**build_file("bundle.zip", bundle), "type": "application"}},
        "components": [*files, *(build_package(HeaderParser().parsestr(t)) for t in texts)],
    }
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def build_file(name: str, content: bytes) -> dict[str, Any]:
    """One file, by its hash."""
    sha256 = compute_sha256(content)
    return {"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": sha256}]}


def build_package(metadata: Message) -> dict[str, Any]:
    """One package, from the core metadata in its wheel."""
    name, version = str(metadata["Name"]), str(metadata["Version"])
    component = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
    }
    return component | build_license(metadata)


def build_license(metadata: Message) -> dict[str, Any]:
    """The license, as an SPDX expression where the package gives one."""
    if expression := metadata["License-Expression"]:
        return {"licenses": [{"expression": str(expression)}]}
    classifiers = [str(c) for c in metadata.get_all("Classifier", [])]
    named = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License ::")]
    if not named and metadata["License"]:
        named = [str(metadata["License"]).splitlines()[0]]
    return {"licenses": [{"license": {"name": name}} for name in named]} if named else {}
