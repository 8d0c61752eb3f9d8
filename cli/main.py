"""The commands, their global options, and what a failure looks like."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.agents import delete_agent, list_agents, list_documents, retry_agent, show_agent
from cli.chat import chat
from cli.create import create_agent
from cli.errors import CommandError, InterruptError
from cli.keys import keys
from cli.output import print_json, print_note
from cli.settings import Settings
from cli.versions import list_versions, roll_back, update_agent
from cli.watch import watch

WITH_VALUE = frozenset({"--url", "--token", "--token-file"})
WITHOUT_VALUE = frozenset({"--json"})
EXIT_CODES = (
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not authorized, 4 not found, "
    "5 the API does not answer, 130 interrupted."
)


class OratioGroup(TyperGroup):
    """Takes global options before and after the command; turns our errors into exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse with the global options in front."""
        return super().parse_args(ctx, move_to_front(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an expected failure ends in a sentence, not in a traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            error: CommandError = InterruptError("Interrupted.")
        except CommandError as failure:
            error = failure
        if ctx.params["as_json"]:
            print_json(error.problem)
        else:
            print_note(f"oratio: {error}")
        raise typer.Exit(error.exit_code)


def move_to_front(arguments: list[str]) -> list[str]:
    """The arguments with the global options first; what follows `--` stays as it is."""
    front: list[str] = []
    others: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            return [*front, *others, argument, *remaining]
        if argument in WITH_VALUE:
            front += [argument, *islice(remaining, 1)]
        elif argument in WITHOUT_VALUE or argument.partition("=")[0] in WITH_VALUE:
            front.append(argument)
        else:
            others.append(argument)
    return front + others


app = typer.Typer(
    cls=OratioGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would print the token among the local variables
    epilog=EXIT_CODES,
)


@app.callback()
def configure(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(envvar="ORATIO_URL", help="Address of the API.")
    ] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ORATIO_TOKEN",
            help="Other users see it in the list of processes: "
            "better set the variable or use a file.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(envvar="ORATIO_TOKEN_FILE", help="File that holds the token.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for programs; a failure is JSON, too.")
    ] = False,
) -> None:
    """Agents from SOPs and documents."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    # An option outweighs a variable.
    if is_typed(context, "token_file") and not is_typed(context, "token"):
        token = None
    context.obj = Settings(url=url, token=token, token_file=token_file, as_json=as_json)


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line itself."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


app.command("create")(create_agent)
app.command("list")(list_agents)
app.command("show")(show_agent)
app.command("watch")(watch)
app.command("chat")(chat)
app.command("documents")(list_documents)
app.command("retry")(retry_agent)
app.command("update")(update_agent)
app.command("rollback")(roll_back)
app.command("versions")(list_versions)
app.command("delete")(delete_agent)
app.add_typer(keys, name="keys")
