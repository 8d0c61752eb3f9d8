"""`oratio chat`: one question, or a conversation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.agents import AgentId, agent_path
from cli.api import Api, open_api
from cli.errors import TemporaryError
from cli.output import print_json, print_note, results, to_text


def chat(
    context: typer.Context,
    agent_id: AgentId,
    question: Annotated[str | None, typer.Argument(help="One question; without it, many.")] = None,
    session_id: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Go on with a conversation.")
    ] = None,
) -> None:
    """Ask an agent; answers come with the documents they rest on.

    Without a question it is a conversation, one question a line, until Ctrl-D.
    """
    with open_api(context.obj) as api:
        conversation = Conversation(api, agent_id, session_id, context.obj.as_json)
        if question is not None:
            conversation.ask(question)
        else:
            converse(conversation)


class Conversation:
    """Questions and answers of one session."""

    def __init__(self, api: Api, agent_id: str, session_id: str | None, as_json: bool) -> None:
        self.api = api
        self.path = f"{agent_path(agent_id)}/chat"
        self.session_id = session_id
        self.as_json = as_json

    def ask(self, question: str) -> None:
        """Ask one question and print the answer."""
        body = {"message": question}
        if self.session_id:
            body["sessionId"] = self.session_id
        answer = self.api.post(self.path, json=body)
        self.session_id = answer["sessionId"]
        if self.as_json:
            print_json(answer, indent=None)  # JSON Lines: an answer a line
        else:
            print_answer(answer)


def converse(conversation: Conversation) -> None:
    """Ask each line of the standard input; what may pass ends no conversation at a terminal."""
    is_terminal = sys.stdin.isatty()
    for question in read_questions(is_terminal):
        try:
            conversation.ask(question)
        except TemporaryError as error:
            if not is_terminal:
                raise
            print_note(str(error))
    if is_terminal and conversation.session_id:
        print_note(f"\nGo on later with --session {conversation.session_id}")


def read_questions(is_terminal: bool) -> Iterator[str]:
    """Lines that are not empty, until the input ends."""
    if is_terminal:
        import readline  # noqa: F401  (gives input() history and editing)
    prompt = "> " if is_terminal and sys.stdout.isatty() else ""
    while True:
        try:
            line = input(prompt).strip()
        except EOFError:
            return
        if line:
            yield line


def print_answer(answer: dict[str, Any]) -> None:
    """The answer, a hand-over if there is one, and each cited document once."""
    results.print(to_text(answer["answer"]))
    if handoff := answer.get("handoff"):
        results.print(to_text(f"Handed over to a person: {', '.join(handoff.values())}", "yellow"))
    for document in dict.fromkeys(citation["document"] for citation in answer["citations"]):
        results.print(to_text(f"from {document}", "dim"))
