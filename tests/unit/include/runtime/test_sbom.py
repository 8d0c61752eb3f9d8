"""The bill of materials says what is in the bundle, the same for the same bundle."""

from __future__ import annotations

import json
from importlib.metadata import distributions

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from include.runtime.bundle import build_bundle, compute_sha256
from include.runtime.sbom import build_sbom

PACKAGES = {
    "a_b-1.dist-info/METADATA": b"Name: A_b\nVersion: 1\nLicense-Expression: MIT\n\nText",
    "c-2.dist-info/METADATA": b"Name: c\nVersion: 2\n"
    b"Classifier: License :: OSI Approved :: BSD License\n",
    "d-3.dist-info/METADATA": b"Name: d\nVersion: 3\n",
    "d.py": b"",
}


def read_sbom(bundle: bytes) -> dict:
    return json.loads(build_sbom(bundle))


def test_packages_and_the_agent_s_own_files():
    code = b"print(1)"
    bundle = build_bundle({"agent_file.py": code}, build_bundle(PACKAGES))
    sbom = read_sbom(bundle)
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    assert sbom["metadata"]["component"]["hashes"][0]["content"] == compute_sha256(bundle)
    own, *packages = sbom["components"]
    assert own["hashes"] == [{"alg": "SHA-256", "content": compute_sha256(code)}]
    assert [p["purl"] for p in packages] == ["pkg:pypi/a-b@1", "pkg:pypi/c@2", "pkg:pypi/d@3"]
    assert [p.get("licenses") for p in packages] == [
        [{"expression": "MIT"}],
        [{"license": {"name": "BSD License"}}],
        None,
    ]


def test_the_bill_of_every_package_here_keeps_to_the_standard():
    packages = {
        f"{each.name}.dist-info/METADATA": text.encode()
        for each in distributions()
        if (text := each.read_text("METADATA"))
    }
    bundle = build_bundle({"agent_file.py": b"1"}, build_bundle(packages))
    document = build_sbom(bundle).decode()
    assert len(json.loads(document)["components"]) > len(packages) > 100
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(document) is None
    assert validator.validate_str(document.replace('"SHA-256"', '"SHA-9"')) is not None


def test_the_same_bundle_has_the_same_bill():
    bundle = build_bundle({"agent_file.py": b"1"})
    assert build_sbom(bundle) == build_sbom(bundle)
    other = read_sbom(build_bundle({"agent_file.py": b"2"}))
    assert other["serialNumber"] != read_sbom(bundle)["serialNumber"]
