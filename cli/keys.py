"""`oratio keys create`, `list` and `revoke`: what customers come with."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.agents import AgentId, agent_path
from cli.api import open_api
from cli.output import build_table, print_json, print_note, print_result, results, to_text

KEY_ID = re.compile(r"[0-9a-f]{16}")

keys = typer.Typer(no_args_is_help=True, help="API keys of an agent, for its customers.")


class Scope(StrEnum):
    """What a key is good for."""

    CHAT = "chat"
    VOICE = "voice"


def check_key_id(key_id: str) -> str:
    """Refuse what would be another path of the API."""
    if not KEY_ID.fullmatch(key_id):
        raise typer.BadParameter("a key's id has 16 hexadecimal digits; see `oratio keys list`")
    return key_id


@keys.command("create")
def create_key(
    context: typer.Context,
    agent_id: AgentId,
    name: Annotated[str, typer.Option(help="Whose key it is.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it is for; may be repeated.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="It expires after so many.")] = None,
    per_minute: Annotated[
        int | None, typer.Option(min=1, help="Requests a minute; else the service's limit.")
    ] = None,
) -> None:
    """Make a key and print it; it cannot be shown again."""
    body: dict[str, Any] = {"name": name, "scopes": [each.value for each in scope or [Scope.CHAT]]}
    if days:
        body["expiresAt"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    if per_minute:
        body["requestsPerMinute"] = per_minute
    with open_api(context.obj) as api:
        key = api.post(f"{agent_path(agent_id)}/keys", json=body)
    if context.obj.as_json:
        print_json(key)
    else:
        print_note(f"Key {key['keyId']}. It is shown only now; keep it as you keep a password.")
        results.print(to_text(key["key"]))


@keys.command("list")
def list_keys(context: typer.Context, agent_id: AgentId) -> None:
    """List an agent's keys, newest first."""
    with open_api(context.obj) as api:
        found = api.get(f"{agent_path(agent_id)}/keys")
    rows = [
        [each["keyId"], to_state(each), ",".join(each["scopes"]), each["expiresAt"],
         each["lastUsedAt"], each["uses"], each["name"]]
        for each in found
    ]  # fmt: skip
    view = build_table(["ID", "STATE", "SCOPES", "EXPIRES", "LAST USED", "USES", "NAME"], rows)
    print_result(found, view, context.obj.as_json)


@keys.command("revoke")
def revoke_key(
    context: typer.Context,
    agent_id: AgentId,
    key_id: Annotated[
        str, typer.Argument(metavar="KEY-ID", callback=check_key_id, help="See `keys list`.")
    ],
) -> None:
    """Revoke a key: from now on it opens nothing."""
    with open_api(context.obj) as api:
        key = api.delete(f"{agent_path(agent_id)}/keys/{key_id}")
    print_result(key, to_text(f"{key_id} is revoked."), context.obj.as_json)


def to_state(key: dict[str, Any]) -> Text:
    """Whether a key still opens anything."""
    if key["revokedAt"]:
        return to_text("revoked", "red")
    ends_at = key["expiresAt"]
    if ends_at and datetime.fromisoformat(ends_at) <= datetime.now(UTC):
        return to_text("expired", "red")
    return to_text("valid", "green")
