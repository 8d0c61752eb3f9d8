"""The gate before any upload: reads generated code without running it and says what it may not do.

A gate, not a sandbox: it stops code from reaching the machine, the network or another agent's
data by any way Python's syntax shows. Endless work and memory are for the runtime's own limits.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from include.creator import policy
from include.creator.contract import TOOLS, check_contract
from include.creator.source import (
    Finding,
    SourceModule,
    UnreadableSourceError,
    bound_name,
    parse_source,
)
from include.errors import CodeRejectedError

CODE_FILE = "agent_file.py"
VOICE_FILE = "agent_voice.py"  # only of agents that speak
CONFIG_FILE = "agent.json"
PYTHON_FILES = (CODE_FILE, VOICE_FILE)
SHOWN_FINDINGS = 5
# Attributes with a rule of their own: check_clients and, for retrieve, the contract.
CALLS_WITH_RULES = {"client", "retrieve"}
# What site.py adds to the builtins of a script.
FORBIDDEN_BUILTINS = (set(dir(builtins)) | {"copyright", "exit", "help", "quit"}) - policy.BUILTINS


def ensure_accepted(files: Mapping[str, bytes]) -> None:
    """Raise CodeRejectedError, naming the first findings, unless the files may be deployed."""
    findings = check_files(files)
    if findings:
        shown = "; ".join(str(finding) for finding in findings[:SHOWN_FINDINGS])
        more = f" (and {len(findings) - SHOWN_FINDINGS} more)" * (len(findings) > SHOWN_FINDINGS)
        raise CodeRejectedError(f"The generated code was refused: {shown}{more}.")


def check_files(files: Mapping[str, bytes]) -> list[Finding]:
    """Findings in a bundle's own files; another Python file could stand in for a module."""
    if set(files) - {VOICE_FILE} != {CODE_FILE, CONFIG_FILE}:
        names = ", ".join(sorted(files)) or "nothing"
        return [Finding(1, "files", f"holds {names}, not {CODE_FILE} and {CONFIG_FILE}")]
    findings = check_source(files[CODE_FILE])
    if VOICE_FILE in files:
        found = check_source(files[VOICE_FILE], policy.VOICE)
        found = found or list(check_shared(*(parse_source(files[f]) for f in PYTHON_FILES)))
        findings += [replace(finding, file=VOICE_FILE) for finding in found]
    return findings


def check_shared(text: SourceModule, voice: SourceModule) -> Iterator[Finding]:
    """What the second file takes from the first is there."""
    for node in voice.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "agent_file":
            for name in (alias.name for alias in node.names if not text.bindings[alias.name]):
                yield Finding(node.lineno, "import", f"takes {name} from a file that lacks it")


def check_source(source: bytes, words: policy.Policy = policy.TEXT) -> list[Finding]:
    """Findings in the code of one file, by line; empty means it may run."""
    if len(source) > policy.MAX_SOURCE_BYTES:
        return [Finding(1, "size", f"is longer than {policy.MAX_SOURCE_BYTES} bytes")]
    try:
        module = parse_source(source, words)
        return sorted({finding for rule in RULES for finding in rule(module)})
    except UnreadableSourceError as error:
        return [Finding(error.line, "syntax", str(error))]
    except RecursionError:
        return [Finding(1, "syntax", "is nested too deeply")]


def check_syntax(module: SourceModule) -> Iterator[Finding]:
    """Only statements and operators on the list."""
    for node in module.nodes:
        if not isinstance(node, policy.NODES):
            name = type(node).__name__
            yield Finding(module.line_of(node), "syntax", f"uses {name}, which is not allowed")


def check_imports(module: SourceModule) -> Iterator[Finding]:
    """Only listed modules and names, under their own names."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            bad = [a.name for a in node.names if a.name not in module.policy.modules or a.asname]
        elif isinstance(node, ast.ImportFrom):
            listed = module.policy.names.get(node.module or "", frozenset())
            allowed = frozenset() if node.level else listed
            bad = [f"{node.module}.{a.name}" for a in node.names if a.name not in allowed]
            bad += [f"{a.name} as {a.asname}" for a in node.names if a.asname]
        else:
            continue
        for name in bad:
            yield Finding(node.lineno, "import", f"may not import {name}")


def check_names(module: SourceModule) -> Iterator[Finding]:
    """No dangerous builtin, no name in double underscores, no second meaning for a name."""
    fixed = module.imported | module.classes | set(module.functions)
    for node in module.nodes:
        name = node.id if isinstance(node, ast.Name) else bound_name(node)
        if name is None or isinstance(node, ast.alias):
            continue
        line = module.line_of(node)
        if name in FORBIDDEN_BUILTINS:
            yield Finding(line, "name", f"may not use {name}")
        elif name.startswith("__"):
            yield Finding(line, "name", f"may not use the special name {name}")
        elif name in module.policy.modules and not isinstance(module.parents[node], ast.Attribute):
            yield Finding(line, "name", f"may use {name} only as {name}.<member>")
        if name in fixed and module.bindings[name] > 1:
            yield Finding(line, "name", f"gives {name} a second meaning")


def check_attributes(module: SourceModule) -> Iterator[Finding]:
    """Only listed members of modules and listed attributes of everything else."""
    for node in module.nodes:
        if not isinstance(node, ast.Attribute) or node.attr in CALLS_WITH_RULES:
            continue
        owner = module.dotted(node.value) or ""
        if owner in module.policy.modules:
            allowed = module.policy.modules[owner]
        else:
            allowed = module.policy.attributes
        if node.attr not in allowed:
            yield Finding(node.lineno, "attribute", f"may not use the attribute {node.attr}")


def check_environment(module: SourceModule) -> Iterator[Finding]:
    """The environment is read by listed constant keys, never written, listed or passed on."""
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and module.dotted(node) == "os.environ":
            match module.parents[node]:
                case ast.Subscript(slice=ast.Constant(value=str(key)), ctx=ast.Load()) if (
                    key in policy.ENVIRONMENT_KEYS
                ):
                    continue
            yield Finding(node.lineno, "environment", "reads more of the environment than allowed")


def check_calls(module: SourceModule) -> Iterator[Finding]:
    """What reaches outside is called by its name, with listed keywords, and never passed on."""
    for node in module.nodes:
        name = module.dotted(node) or ""
        if name not in module.policy.calls:
            continue
        parent = module.parents[node]
        if not isinstance(parent, ast.Call) or parent.func is not node:
            yield Finding(module.line_of(node), "call", f"uses {name} without calling it")
        elif parent.args or {k.arg for k in parent.keywords} - module.policy.calls[name]:
            yield Finding(
                parent.lineno, "call", f"calls {name} with arguments that are not allowed"
            )


def check_clients(module: SourceModule) -> Iterator[Finding]:
    """AWS clients only for listed services, without a word on where they connect to."""
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "client":
            match module.parents[node]:
                case ast.Call(func=func, args=[ast.Constant(value=service)], keywords=[]) if (
                    func is node and service in policy.AWS_SERVICES
                ):
                    continue
            yield Finding(node.lineno, "call", "may make clients only for bedrock-agent-runtime")


def check_tools(module: SourceModule) -> Iterator[Finding]:
    """An agent's tools are functions of its files; Strands would load a string as a file."""
    known = {*module.functions, *(set(TOOLS) & module.imported)}
    for node in module.nodes:
        if isinstance(node, ast.keyword) and node.arg == "tools":
            value = node.value
            named = value.elts if isinstance(value, ast.List) else [value]
            if not all(module.dotted(tool) in known for tool in named):
                yield Finding(value.lineno, "call", "may give an agent only functions of its files")


def check_annotations(module: SourceModule) -> Iterator[Finding]:
    """Annotations are types by name: Strands evaluates them, text in them would run as code."""
    known = policy.BUILTINS | module.imported | module.classes
    for annotation in annotations_of(module):
        for node in ast.walk(annotation):
            unknown = isinstance(node, ast.Name) and node.id not in known
            literal = isinstance(node, ast.Constant) and node.value not in (None, ...)
            if unknown or literal or isinstance(node, ast.Call | ast.Lambda | ast.NamedExpr):
                yield Finding(annotation.lineno, "annotation", "may hold only names of types")


def check_classes(module: SourceModule) -> Iterator[Finding]:
    """Classes hold data or are errors; they take over nobody's methods."""
    for node in module.nodes:
        if isinstance(node, ast.ClassDef):
            bases = [module.dotted(base) for base in node.bases]
            if node.keywords or set(bases) - {"Exception"}:
                yield Finding(node.lineno, "class", f"{node.name} may only derive from Exception")


def annotations_of(module: SourceModule) -> Iterator[ast.expr]:
    """Every annotation of an argument, a result or a variable."""
    for node in module.nodes:
        match node:
            case ast.arg(annotation=ast.expr() as found) | ast.AnnAssign(annotation=found):
                yield found
            case ast.FunctionDef(returns=ast.expr() as found):
                yield found
            case ast.AsyncFunctionDef(returns=ast.expr() as found):
                yield found


RULES: tuple[Callable[[SourceModule], Iterator[Finding]], ...] = (
    check_syntax,
    check_imports,
    check_names,
    check_attributes,
    check_environment,
    check_calls,
    check_clients,
    check_tools,
    check_annotations,
    check_classes,
    check_contract,
)
