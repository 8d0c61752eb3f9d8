"""What generated code may use, file by file: data only; `check.py` holds the code to it.

The list is closed: a name that is not here is refused, however harmless. Code that needs another
word keeps its data in dicts, or the word is added here after a look at every object it may meet.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

MAX_SOURCE_BYTES = 64 * 1024


def words(text: str) -> frozenset[str]:
    """The words of a text that are separated by white space."""
    return frozenset(text.split())


# Modules imported as a whole, with the members that may follow the dot.
MODULE_MEMBERS = {
    "asyncio": frozenset({"Lock"}),
    "boto3": frozenset({"Session"}),
    "json": frozenset({"dumps", "loads"}),
    "os": frozenset({"environ"}),
    "re": frozenset({"compile", "findall", "fullmatch", "match", "search", "split", "sub"}),
}

# Names taken out of modules: from MODULE import NAME.
IMPORTABLE_NAMES = {
    "__future__": frozenset({"annotations"}),
    "bedrock_agentcore": frozenset({"BedrockAgentCoreApp", "RequestContext"}),
    "botocore.exceptions": frozenset({"BotoCoreError", "ClientError"}),
    "collections": frozenset({"OrderedDict", "defaultdict", "deque"}),
    "collections.abc": frozenset({"AsyncIterator", "Iterable", "Iterator", "Mapping", "Sequence"}),
    "dataclasses": frozenset({"dataclass", "field"}),
    "pathlib": frozenset({"Path"}),
    "starlette.exceptions": frozenset({"HTTPException"}),
    "strands": frozenset({"Agent", "ToolContext", "tool"}),
    "strands.models": frozenset({"BedrockModel"}),
    "threading": frozenset({"Lock"}),
    "typing": frozenset({"Any"}),
}

ENVIRONMENT_KEYS = frozenset(
    {"AWS_REGION", "KNOWLEDGE_BASE_ID", "KNOWLEDGE_BASE_STORE", "MODEL_ID"}
)
AWS_SERVICES = frozenset({"bedrock-agent-runtime"})

BUILTINS = words(
    "Exception KeyError RuntimeError TimeoutError TypeError ValueError "
    "abs all any bool dict enumerate filter float frozenset int isinstance len list map max min "
    "next range repr reversed round set sorted str sum tuple zip"
)

# Callables that reach the outside world: called by name only, with these keywords and no others.
# BedrockModel would take an endpoint_url, Agent would load tools from files.
CALL_KEYWORDS = {
    "Agent": frozenset({"callback_handler", "messages", "model", "system_prompt", "tools"}),
    "BedrockAgentCoreApp": frozenset[str](),
    "BedrockModel": frozenset({"boto_session", "max_tokens", "model_id", "temperature", "top_p"}),
    "boto3.Session": frozenset({"region_name"}),
    "tool": frozenset({"context", "description", "name"}),
}

# Not here on purpose: `format` and `format_map` reach attributes through their template string.
ATTRIBUTES = words(
    # text
    "casefold count endswith find isdigit join lower lstrip partition removeprefix removesuffix "
    "replace rpartition rsplit rstrip split splitlines startswith strip title upper "
    # collections
    "add append appendleft clear copy discard extend get index insert items keys move_to_end pop "
    "popitem popleft remove reverse setdefault sort update values "
    # matches, locks, logs
    "end group groups span start acquire locked release "
    "debug error exception info logger warning "
    # the SDKs
    "accumulated_usage entrypoint invocation_state message metrics response session_id stop_reason "
    "stream_async "
    # the agent's own words
    "cited failed handoff history lock messages number passages prompt remember replay"
)


@dataclass(frozen=True)
class Policy:
    """The words of one file."""

    modules: Mapping[str, frozenset[str]]
    names: Mapping[str, frozenset[str]]
    calls: Mapping[str, frozenset[str]]
    attributes: frozenset[str]


TEXT = Policy(MODULE_MEMBERS, IMPORTABLE_NAMES, CALL_KEYWORDS, ATTRIBUTES)

# agent_voice.py makes no AWS client, reads no file and no environment, and has no tool of its own.
VOICE = Policy(
    modules={"base64": frozenset({"b64decode"}), "time": frozenset({"monotonic"})},
    names={
        "agent_file": words(
            "AnswerError CONFIG Conversation MAX_PROMPT_CHARACTERS Turn app aws explain "
            "hand_off_to_human is_history retrieve"
        ),
        "bedrock_agentcore": frozenset({"RequestContext"}),
        "collections.abc": frozenset({"Callable"}),
        "dataclasses": IMPORTABLE_NAMES["dataclasses"],
        "starlette.websockets": frozenset({"WebSocket", "WebSocketDisconnect"}),
        "strands.bidi": frozenset({"BidiAgent"}),
        "strands.bidi.models": frozenset({"BedrockNovaSonicModel"}),
        "strands.bidi.types": frozenset({"AudioDelta"}),
        "typing": IMPORTABLE_NAMES["typing"],
    },
    calls={
        "BedrockNovaSonicModel": frozenset({"audio", "boto_session", "model_id", "voice"}),
        "BidiAgent": frozenset({"messages", "model", "system_prompt", "tools"}),
    },
    # The one entry point is in agent_file.py.
    attributes=ATTRIBUTES - {"entrypoint"}
    | words(
        "accept close receive_json run send_json websocket "
        # the call's own words
        "greeted listen said speak speaks_until state"
    ),
)

# No while: what is left ends. No del, global, nonlocal, match (its patterns read attributes),
# no assert, no shift or power (numbers that fill the memory).
NODES: tuple[type[ast.AST], ...] = (
    *(ast.Module, ast.Import, ast.ImportFrom, ast.alias),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.arguments, ast.arg),
    *(ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Raise, ast.Try, ast.ExceptHandler),
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.Expr, ast.Pass),
    *(ast.For, ast.AsyncFor, ast.If, ast.IfExp, ast.Break, ast.Continue),
    *(ast.With, ast.AsyncWith, ast.withitem, ast.comprehension),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    *(ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.Load, ast.Store),
    *(ast.Constant, ast.JoinedStr, ast.FormattedValue),
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Call, ast.keyword),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.Invert),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitOr, ast.BitAnd),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
    *(ast.Is, ast.IsNot, ast.In, ast.NotIn),
)
