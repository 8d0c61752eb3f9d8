"""What a fresh stack needs before its first agent: database, tables, buckets, pools."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import boto3
import httpx
import psycopg2
from airflow.version import version as airflow_version
from botocore.exceptions import ClientError

from local.environment import aws_variables, build_environment
from local.health import open_airflow
from local.programs import BIN
from local.settings import ROOT, StackSettings

CLOUDFORMATION_STACK = "oratio"
POOLS = {"bedrock_ingestion": (5, "AWS: 5 ingestion jobs an account at a time.")}


def prepare_database(stack: StackSettings) -> None:
    """Create and migrate Airflow's database, once for each version of Airflow."""
    stamp = stack.var / "airflow" / f"migrated-{airflow_version}"
    if stamp.exists():
        return
    create_database(stack)
    log = stack.var / "log" / "migrate.log"
    with log.open("w") as output:
        subprocess.run(
            [str(BIN / "airflow"), "db", "migrate"],
            env=build_environment(stack), cwd=ROOT, check=True, stdout=output, stderr=output,
        )  # fmt: skip
    stamp.touch()


def create_database(stack: StackSettings) -> None:
    """Create the database `airflow` unless it exists."""
    connection = psycopg2.connect(f"user=postgres dbname=postgres host={stack.sockets}")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'airflow'")
            if cursor.fetchone() is None:
                cursor.execute("CREATE DATABASE airflow")
    finally:
        connection.close()


def apply_template(stack: StackSettings) -> None:
    """Create tables, buckets and roles from infra/template.yaml, through CloudFormation."""
    cloudformation = open_aws(stack, "cloudformation")
    body = (ROOT / "infra" / "template.yaml").read_text()
    arguments = {
        "StackName": CLOUDFORMATION_STACK,
        "TemplateBody": body,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    try:
        cloudformation.describe_stacks(StackName=CLOUDFORMATION_STACK)
    except ClientError:
        cloudformation.create_stack(**arguments)
        return
    if cloudformation.get_template(StackName=CLOUDFORMATION_STACK)["TemplateBody"] != body:
        cloudformation.update_stack(**arguments)


def open_aws(stack: StackSettings, service: str) -> Any:
    """A client of the stand-in."""
    names = aws_variables(stack)
    return boto3.client(
        service,
        endpoint_url=stack.aws_url,
        region_name=names["AWS_REGION"],
        aws_access_key_id=names["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=names["AWS_SECRET_ACCESS_KEY"],
    )


def create_pools(stack: StackSettings) -> None:
    """Create Airflow's pools; existing ones keep the size an operator gave them."""
    with open_airflow(stack) as airflow:
        for name, (slots, description) in POOLS.items():
            pool = {"name": name, "slots": slots, "description": description}
            answer = airflow.post("/api/v2/pools", json={**pool, "include_deferred": True})
            if answer.status_code != httpx.codes.CONFLICT:
                answer.raise_for_status()


def run_airflow(stack: StackSettings, arguments: list[str]) -> int:
    """Run Airflow's own command line against this stack."""
    command = [str(BIN / "airflow"), *arguments]
    return subprocess.run(command, env=build_environment(stack), cwd=os.getcwd()).returncode
