"""`oratio create`: a folder of documents and an SOP become an agent."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cli.api import Api, open_api
from cli.errors import InterruptError, UnreachableError, UsageError
from cli.folder import FileStream, read_folder
from cli.output import format_bytes, notes, print_json, print_note
from cli.watch import require_active, watch_agent


class AgentType(StrEnum):
    """How customers talk to the agent."""

    TEXT = "text"
    VOICE = "voice"
    BOTH = "both"


Documents = Annotated[
    Path, typer.Argument(exists=True, help="Folder of documents, or a single one.")
]
Sop = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, readable=True, help="The procedure, UTF-8.")
]
Name = Annotated[str, typer.Option(help="The agent's name.")]
Knowledge = Annotated[str, typer.Option(help="What the documents are to be used for.")]
Handoff = Annotated[str, typer.Option(help="When to hand over to a person.")]
Type = Annotated[AgentType, typer.Option("--type", help="How customers talk to it.")]
Descriptions = Annotated[
    list[str] | None,
    typer.Option(metavar="PATH=TEXT", help="What a file or sub-folder is about; repeatable."),
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Repeat an earlier attempt: one key, one agent."),
]
RequireApproval = Annotated[
    bool, typer.Option("--require-approval", help="Let an operator approve the code first.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Stay until it is active.")]


def create_agent(
    context: typer.Context,
    documents: Documents,
    sop: Sop,
    name: Name,
    knowledge: Knowledge,
    handoff: Handoff,
    agent_type: Type = AgentType.TEXT,
    description: Descriptions = None,
    idempotency_key: IdempotencyKey = None,
    require_approval: RequireApproval = False,
    watch: Watch = False,
) -> None:
    """Upload documents and an SOP; prints the new agent's id.

    Sub-folders are kept. Hidden files are skipped and named.
    """
    fields = {
        "agentName": name,
        "agentType": agent_type.value,
        "sop": read_sop(sop),
        "knowledgeBaseDescription": knowledge,
        "humanHandoffDescription": handoff,
        "requireApproval": json.dumps(require_approval),
        "fileDescriptions": json.dumps(parse_descriptions(description or [])),
    }
    files = find_files(documents)
    as_json = context.obj.as_json
    with open_api(context.obj) as api:
        agent = Upload(files, idempotency_key or str(uuid4())).send(api, fields)
        if not as_json:
            typer.echo(agent["agentId"])
        if watch:
            agent = watch_agent(api, agent["agentId"])
            require_active(agent)
    if as_json:
        print_json(agent)


def read_sop(path: Path) -> str:
    """The text of the SOP."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no UTF-8 text: {error}.") from error


def parse_descriptions(pairs: list[str]) -> dict[str, str]:
    """`path=text` pairs by path."""
    descriptions = {}
    for pair in pairs:
        path, separator, text = pair.partition("=")
        if not separator:
            raise UsageError(f"--description {pair!r} is not of the form path=text.")
        descriptions[path.removeprefix("./")] = text
    return descriptions


def find_files(documents: Path) -> dict[str, Path]:
    """The files to send, by name; tells what is left out."""
    folder = read_folder(documents)
    if folder.skipped:
        print_note(f"Skipped (hidden, or no plain file): {', '.join(folder.skipped)}")
    return folder.files


class Upload:
    """The files on their way; knows how far they got."""

    def __init__(self, files: dict[str, Path], key: str) -> None:
        self.key = key
        self.sent_bytes = 0
        self.progress = Progress(
            TextColumn("Uploading"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=notes,
            transient=True,
            disable=not notes.is_terminal,
        )
        self.streams = {name: FileStream(path, self.advance) for name, path in files.items()}
        self.size_bytes = sum(stream.size_bytes for stream in self.streams.values())
        self.bar = self.progress.add_task("", total=self.size_bytes)

    def advance(self, size_bytes: int) -> None:
        """Count what was handed to the connection."""
        self.sent_bytes += size_bytes
        self.progress.advance(self.bar, size_bytes)

    def send(self, api: Api, fields: dict[str, str]) -> dict[str, Any]:
        """POST everything; returns the new agent."""
        files = [("files", item) for item in self.streams.items()]
        headers = {"Idempotency-Key": self.key}
        try:
            with self.progress:
                agent: dict[str, Any] = api.post(
                    "/api/agents", data=fields, files=files, headers=headers
                )
        except KeyboardInterrupt:
            raise InterruptError(f"Interrupted. {self.describe_outcome()}") from None
        except UnreachableError as error:
            raise UnreachableError(f"{error}\n{self.describe_outcome()}") from error
        print_note(f"Uploaded documents: {len(self.streams)} ({format_bytes(self.size_bytes)}).")
        return agent

    def describe_outcome(self) -> str:
        """What a broken upload means for the person who waits for an agent."""
        if self.sent_bytes < self.size_bytes:
            done = f"{format_bytes(self.sent_bytes)} of {format_bytes(self.size_bytes)}"
            return f"The upload ended after {done}: no agent was created."
        return (
            "Everything had been sent, so the agent may have been created: see `oratio list`. "
            f"The same command with --idempotency-key {self.key} cannot create a second one."
        )
