"""What stock moto leaves out when CloudFormation creates our tables and buckets.

moto applies a bucket's encryption and tags only, and no table's point-in-time recovery. AWS
applies the whole template, and so must the stand-in: the pipeline needs S3 version ids.
"""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.s3.models import FakeBucket, S3Backend, s3_backends

DAYS = {
    "AbortIncompleteMultipartUpload": "DaysAfterInitiation",
    "NoncurrentVersionExpiration": "NoncurrentDays",
}


EXTENDED = "create_and_complete"


def complete_cloudformation() -> None:
    """Make moto's resources apply the properties it ignores; a second call changes nothing."""
    for resource, complete in ((FakeBucket, complete_bucket), (Table, complete_table)):
        if resource.create_from_cloudformation_json.__name__ != EXTENDED:
            extend(resource, complete)
    Table.update_from_cloudformation_json = classmethod(update_table)  # type: ignore[assignment]


def update_table(
    cls: type[Table],
    original_resource: Table,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Table:
    """Give an existing table the indexes that a newer template adds."""
    table, properties = original_resource, cloudformation_json["Properties"]
    known = {index.name for index in table.global_indexes}
    wanted = properties.get("GlobalSecondaryIndexes", [])
    added = [{"Create": index} for index in wanted if index["IndexName"] not in known]
    table.attr = properties["AttributeDefinitions"]
    dynamodb_backends[account_id][region_name].update_table_global_indexes(table, added)
    return table


def extend(resource: Any, complete: Any) -> None:
    """Run `complete(created, properties, account, region)` after a resource class's creation."""
    create = resource.create_from_cloudformation_json

    def create_and_complete(
        cls: Any,
        name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **rest: Any,
    ) -> Any:
        created = create(name, cloudformation_json, account_id, region_name, **rest)
        complete(created, cloudformation_json.get("Properties", {}), account_id, region_name)
        return created

    resource.create_from_cloudformation_json = classmethod(create_and_complete)


def complete_bucket(
    bucket: FakeBucket, properties: dict[str, Any], account_id: str, region_name: str
) -> None:
    """Apply versioning, public access block and lifecycle."""
    backend: S3Backend = s3_backends[account_id]["aws"]
    if versioning := properties.get("VersioningConfiguration"):
        backend.put_bucket_versioning(bucket.name, versioning["Status"])
    if block := properties.get("PublicAccessBlockConfiguration"):
        backend.put_public_access_block(bucket.name, {k: str(v).lower() for k, v in block.items()})
    if lifecycle := properties.get("LifecycleConfiguration"):
        rules = [to_lifecycle_rule(rule) for rule in lifecycle["Rules"]]
        backend.put_bucket_lifecycle(bucket.name, rules)


def to_lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A CloudFormation rule in the form of S3's own API."""
    days = {name: {key: str(rule[name][key])} for name, key in DAYS.items() if name in rule}
    if "ExpirationInDays" in rule:
        days["Expiration"] = {"Days": str(rule["ExpirationInDays"])}
    tags = rule.get("TagFilters")
    applies_to = {"Filter": {"Tag": tags[0]}} if tags else {"Prefix": rule.get("Prefix", "")}
    return {"ID": rule["Id"], "Status": rule["Status"], **applies_to, **days}


def complete_table(
    table: Table, properties: dict[str, Any], account_id: str, region_name: str
) -> None:
    """Apply point-in-time recovery."""
    if recovery := properties.get("PointInTimeRecoverySpecification"):
        backend = dynamodb_backends[account_id][region_name]
        backend.update_continuous_backups(table.name, recovery)
