"""An agent's versions: what each was made of, how many are kept, and a bundle stored once."""

from __future__ import annotations

from include.aws import client
from include.creator.generate import RuleGenerator
from include.runtime.bundle import compute_sha256
from tests.fakes import reload
from tests.updating import HOURS, NEW_SOP, patch, put, read_manifest, update


def test_the_manifest_says_what_the_version_was_made_of(alice, agent):
    patch(alice, agent, sop=NEW_SOP)
    updated = update(alice, agent)
    version = updated.versions[-1]
    assert version.manifest_s3_path.endswith(f"/{agent.agent_id}/g2/manifest.json")
    manifest = read_manifest(version)
    assert manifest["runId"] == f"agent-{agent.agent_id}-g2"
    assert manifest["sopSha256"] == compute_sha256(NEW_SOP.encode())
    assert manifest["runtime"] == {"id": updated.agentcore_agent_id, "version": "2"}
    wanted = {"name": "rules", "version": RuleGenerator.version, "costUsd": 0}
    assert manifest["generator"] == wanted
    bundle = (
        client("s3")
        .get_object(
            Bucket="oratio-generated-code",
            Key=manifest["code"]["s3Key"],
            VersionId=manifest["code"]["s3VersionId"],
        )["Body"]
        .read()
    )
    assert manifest["code"]["sha256"] == compute_sha256(bundle) == updated.agent_code_sha256
    for document in manifest["documents"]:
        stored = client("s3").head_object(
            Bucket="oratio-knowledge-bases",
            Key=f"{agent.user_id}/{agent.agent_id}/{document['path']}",
            VersionId=document["versionId"],
        )
        assert stored["ETag"].strip('"') == document["eTag"]
        assert stored["ContentLength"] == document["sizeBytes"]
    assert len(manifest["documents"]) == 2


def test_creation_writes_the_first_manifest(agent):
    [version] = agent.versions
    assert read_manifest(version)["sopSha256"] == compute_sha256(agent.sop.encode())
    assert (version.version, agent.candidate, agent.dispatch) == ("1", None, None)


def test_only_so_many_versions_are_listed(alice, agent, configure):
    configure(MAX_VERSIONS=2)
    for number in range(2):
        patch(alice, agent, sop=f"{NEW_SOP} {number}")
        update(alice, agent)
    assert [v.version for v in reload(agent).versions] == ["2", "3"]


def test_a_bundle_is_stored_once(alice, agent):
    put(alice, agent, "hours.md", HOURS[1] + b" On Sundays it is closed.")
    update(alice, agent)
    prefix = f"{agent.user_id}/{agent.agent_id}/"
    found = client("s3").list_objects_v2(Bucket="oratio-generated-code", Prefix=prefix)
    names = {item["Key"].removeprefix(prefix) for item in found["Contents"]}
    assert {"g1/bundle.zip", "g1/manifest.json", "g2/manifest.json"} <= names
    assert "g2/bundle.zip" not in names
