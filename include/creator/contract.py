"""What generated code must be: a server with one entry point, its tools, one knowledge base.

And, of an agent that speaks, a second file: the same server with one WebSocket and the same tools.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from include.creator.policy import VOICE
from include.creator.source import MAIN_GUARD, Finding, SourceModule, is_same

TOOLS = ("retrieve", "hand_off_to_human")
APP = "app = BedrockAgentCoreApp()"
KNOWLEDGE_BASE = 'KNOWLEDGE_BASE_ID = os.environ["KNOWLEDGE_BASE_ID"]'


def check_contract(module: SourceModule) -> Iterator[Finding]:
    """Findings for every part of the contract that is missing or ambiguous."""
    if module.policy is VOICE:
        yield from check_voice(module)
        return
    yield from check_server(module)
    for name in TOOLS:
        function = module.functions.get(name)
        if function is None or "tool" not in decorators(function):
            yield Finding(1, "contract", f"lacks a function {name} with @tool(...)")
    yield from check_knowledge_base(module)


def check_server(module: SourceModule) -> Iterator[Finding]:
    """One app, one entry point, and the start of the server as the last statement."""
    yield from check_entry(module, "app.entrypoint")
    if count(module, APP) != 1 or module.bindings["app"] != 1:
        yield Finding(1, "contract", f"lacks the line {APP}")
    yield from check_start(module)


def check_voice(module: SourceModule) -> Iterator[Finding]:
    """The app of agent_file.py with one WebSocket, both its tools, and no search of its own."""
    yield from check_entry(module, "app.websocket")
    for name in ("app", *TOOLS):
        if name not in module.imported or module.bindings[name] != 1:
            yield Finding(1, "contract", f"does not take {name} from agent_file")
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr in {"client", "retrieve"}:
            yield Finding(node.lineno, "contract", "searches by another way than the tool retrieve")
        if isinstance(node, ast.Attribute) and node.attr == "run" and not runs_agent(node):
            yield Finding(node.lineno, "contract", "runs something else than BidiAgent(...)")
        if is_call_of(node, "BidiAgent") and not has_both_tools(node):
            yield Finding(node.lineno, "contract", f"gives BidiAgent not exactly {TOOLS}")
    yield from check_start(module)


def check_entry(module: SourceModule, decorator: str) -> Iterator[Finding]:
    """One function, and no more, that requests come to."""
    entries = [f for f in module.functions.values() if decorator in decorators(f)]
    if len(entries) != 1:
        yield Finding(1, "contract", f"has {len(entries)} functions with @{decorator}, not one")


def check_start(module: SourceModule) -> Iterator[Finding]:
    """The start of the server is the last statement."""
    last = module.tree.body[-1] if module.tree.body else ast.Pass()
    if not is_same(last, ast.parse(MAIN_GUARD).body[0]):
        yield Finding(getattr(last, "lineno", 1), "contract", "does not end by starting the app")


def check_knowledge_base(module: SourceModule) -> Iterator[Finding]:
    """Every search goes to the agent's own knowledge base, whatever the model asks for."""
    if count(module, KNOWLEDGE_BASE) != 1 or module.bindings["KNOWLEDGE_BASE_ID"] != 1:
        yield Finding(1, "contract", f"lacks the line {KNOWLEDGE_BASE}")
    searches = [n for n in module.nodes if isinstance(n, ast.Attribute) and n.attr == "retrieve"]
    if not searches:
        yield Finding(1, "contract", "never searches the knowledge base")
    for search in searches:
        call = module.parents[search]
        if not isinstance(call, ast.Call) or call.func is not search or not is_bound(call):
            message = "searches with another knowledge base than KNOWLEDGE_BASE_ID"
            yield Finding(search.lineno, "contract", message)


def is_call_of(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    """Whether a node calls the function or class of this name."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) == name


def runs_agent(run: ast.Attribute) -> bool:
    """Whether `.run` is that of an agent made on the spot."""
    return is_call_of(run.value, "BidiAgent")


def has_both_tools(agent: ast.Call) -> bool:
    """Whether an agent is given the two tools and nothing else."""
    given = {k.arg: ast.unparse(k.value) for k in agent.keywords}
    return given.get("tools") == f"[{', '.join(TOOLS)}]"


def is_bound(call: ast.Call) -> bool:
    """Whether the call names the agent's knowledge base and hides no argument."""
    given = {k.arg: k.value for k in call.keywords}
    value = given.get("knowledgeBaseId")
    plain = None not in given and not call.args
    return plain and isinstance(value, ast.Name) and value.id == "KNOWLEDGE_BASE_ID"


def decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names of a function's decorators, with or without arguments."""
    found = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return {ast.unparse(decorator) for decorator in found}


def count(module: SourceModule, statement: str) -> int:
    """How often a statement stands, word for word, at the top level."""
    wanted = ast.parse(statement).body[0]
    return sum(is_same(node, wanted) for node in module.tree.body)
