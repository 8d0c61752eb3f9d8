"""A generated module as the checks see it: its tree, and what each name in it stands for."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from include.creator.policy import TEXT, Policy

# The only file read and the only start of the server that the checks let pass, word for word.
CONFIG_READ = 'Path(__file__).with_name("agent.json").read_text(encoding="utf-8")'
MAIN_GUARD = 'if __name__ == "__main__":\n    app.run()'

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Finding:
    """One broken rule: what line `line` of agent_file.py, or of the file named, does."""

    line: int
    rule: str
    message: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.file} line {self.line} {self.message} [{self.rule}]".lstrip()


class UnreadableSourceError(Exception):
    """The bytes are no Python module in plain ASCII; `line` is the best guess, 1 if unknown."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def parse_source(source: bytes, policy: Policy = TEXT) -> SourceModule:
    """Parse without running; raises UnreadableSourceError.

    Only ASCII: look-alike letters and text that runs backwards cannot hide anything, and an
    encoding comment cannot make Python read another program than the one that was checked.
    """
    try:
        text = source.decode("ascii")
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        if encoding != "utf-8":
            raise UnreadableSourceError(f"declares the encoding {encoding}; leave it out")
        return SourceModule(ast.parse(text), policy)
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise UnreadableSourceError("holds a character that is not ASCII", line) from None
    except SyntaxError as error:
        raise UnreadableSourceError(f"is no valid Python: {error.msg}", error.lineno or 1) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableSourceError(f"cannot be parsed: {type(error).__name__}") from None


@dataclass(frozen=True)
class SourceModule:
    """A parsed module; nothing of it is ever run."""

    tree: ast.Module
    policy: Policy = TEXT

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node but those of the two expressions that may pass word for word."""
        pardoned = [self.parse_pardoned(text) for text in (CONFIG_READ, MAIN_GUARD)]
        return list(walk_except(self.tree, pardoned))

    @staticmethod
    def parse_pardoned(text: str) -> ast.AST:
        """The node of one statement, or of the expression it consists of."""
        statement = ast.parse(text).body[0]
        return statement.value if isinstance(statement, ast.Expr) else statement

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Parent of every node."""
        return {c: node for node in ast.walk(self.tree) for c in ast.iter_child_nodes(node)}

    @cached_property
    def functions(self) -> dict[str, FunctionNode]:
        """Functions of the module itself, not of its classes."""
        return {n.name: n for n in self.tree.body if isinstance(n, FunctionNode)}

    @cached_property
    def classes(self) -> set[str]:
        """Names of the module's own classes."""
        return {n.name for n in self.tree.body if isinstance(n, ast.ClassDef)}

    @cached_property
    def imported(self) -> set[str]:
        """Names bound by imports, and by nothing else if the checks pass."""
        aliases = (n for n in self.nodes if isinstance(n, ast.alias))
        return {alias.asname or alias.name for alias in aliases}

    @cached_property
    def bindings(self) -> Counter[str]:
        """How often each name is bound, in whatever scope."""
        return Counter(name for node in self.nodes if (name := bound_name(node)) is not None)

    def dotted(self, node: ast.AST) -> str | None:
        """`json.loads` for a member of an imported module, the name for a name, else None."""
        match node:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=ast.Name(id=module), attr=member) if module in self.imported:
                return f"{module}.{member}"
        return None

    def line_of(self, node: ast.AST) -> int:
        """Line of the node or, for operators and the like, of what they stand in."""
        while not hasattr(node, "lineno"):
            if node not in self.parents:
                return 1
            node = self.parents[node]
        return int(node.lineno)


def is_same(one: object, other: object) -> bool:
    """Whether two pieces of code are the same, wherever they stand and however they are set."""
    if type(one) is not type(other):
        return False
    if isinstance(one, ast.AST):
        return all(is_same(getattr(one, f, None), getattr(other, f, None)) for f in one._fields)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return one == other


def walk_except(node: ast.AST, pardoned: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Every node below and including `node`, without subtrees that are the same as a `pardoned`."""
    todo = [node]
    while todo:
        current = todo.pop()
        if any(is_same(current, allowed) for allowed in pardoned):
            continue
        yield current
        todo.extend(reversed(list(ast.iter_child_nodes(current))))


def bound_name(node: ast.AST) -> str | None:
    """The name that this very node binds, if any."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.arg(arg=name):
            return name
        case ast.ExceptHandler(name=name):
            return name
        case ast.alias():
            return node.asname or node.name
    return None
