"""The gate lets the template pass and refuses each trick for the reason given."""

from __future__ import annotations

import pytest

from include.creator.check import check_files, check_source, ensure_accepted
from include.creator.policy import MAX_SOURCE_BYTES
from include.creator.render import TEMPLATE
from include.errors import CodeRejectedError

GOOD = TEMPLATE.read_bytes()
ENTRY = b"@app.entrypoint"


def with_code(snippet: str) -> bytes:
    """The template with a snippet before its entry point."""
    assert ENTRY in GOOD
    return GOOD.replace(ENTRY, snippet.encode() + b"\n\n\n" + ENTRY, 1)


def rules_of(source: bytes) -> set[str]:
    return {finding.rule for finding in check_source(source)}


def test_the_template_passes():
    assert check_source(GOOD) == []
    ensure_accepted({"agent_file.py": GOOD, "agent.json": b"{}"})


HARMLESS = [
    "GREETING = 'hello'.upper()",
    "def double(x: int) -> int:\n    return 2 * x",
    "class Oops(Exception):\n    pass",
    "NUMBERS = [int(m.group(1)) for m in [re.search('([0-9])', 'a1')] if m]",
    "LABELS = {k: v.strip() for k, v in CONFIG.items() if isinstance(v, str)}",
]


@pytest.mark.parametrize("snippet", HARMLESS)
def test_harmless_code_passes(snippet):
    assert check_source(with_code(snippet)) == []


HOSTILE = {
    # Modules that reach the machine or the network, by every door Python's syntax has.
    "import subprocess": ("import subprocess", "import"),
    "import socket": ("import socket", "import"),
    "import in a function": ("def f():\n    import ctypes", "import"),
    "import under another name": ("import os as json2", "import"),
    "import of a submodule": ("import os.path", "import"),
    "from os": ("from os import system", "import"),
    "from import star": ("from os import *", "import"),
    "relative import": ("from . import secrets", "import"),
    "name under another name": ("from strands import Agent as A", "import"),
    "module through a library": ("from botocore.exceptions import os", "import"),
    "strands' shell": ("from strands import PosixShellSandbox", "import"),
    "__import__": ("__import__('os').system('id')", "name"),
    "import by eval": ("eval(\"__import__('os')\")", "name"),
    "exec": ("exec('import os')", "name"),
    "compile": ("CODE = compile('1', 'x', 'eval')", "name"),
    "open": ("SECRET = open('/etc/passwd')", "name"),
    "builtin in look-alike letters": ("\uff45val('1')", "syntax"),
    "builtin as a default": ("def f(run=exec):\n    run('1')", "name"),
    "builtin hidden by an argument": ("def f(open):\n    return open", "name"),
    "getattr": ("getattr(app, 'mount')", "name"),
    "setattr": ("setattr(app, 'debug', True)", "name"),
    "globals": ("globals()['x'] = 1", "name"),
    "vars": ("vars(app)", "name"),
    "type as a door": ("type('X', (), {})", "name"),
    "breakpoint": ("breakpoint()", "name"),
    "input": ("input()", "name"),
    "exit": ("exit()", "name"),
    "special name": ("X = __builtins__", "name"),
    "special name of the file": ("X = __file__", "name"),
    "module passed on": ("X = [os]", "name"),
    "module rebound": ("json = CONFIG", "name"),
    "import rebound": ("BedrockModel = CONFIG", "name"),
    "tool rebound": ("retrieve = '/tmp/tool.py'", "name"),
    # Attributes that lead out of harmless objects.
    "class walk": ("X = ().__class__.__base__.__subclasses__()", "attribute"),
    "function globals": ("X = read_prompt.__globals__", "attribute"),
    "private attribute": ("X = app._worker_loop", "attribute"),
    "format walk": ("X = '{0.__class__}'.format(app)", "attribute"),
    "os.system": ("os.system('id')", "attribute"),
    "os.popen in a lambda": ("F = lambda: os.popen('id')", "attribute"),
    "asyncio subprocess": ("X = asyncio.create_subprocess_shell('id')", "attribute"),
    "json of a file": ("X = json.load", "attribute"),
    "another file": ("X = Path('/etc/passwd').read_text()", "attribute"),
    "own file": ("X = Path(__file__).read_text()", "attribute"),
    "a file written": ("Path('x').write_text('y')", "attribute"),
    "agent's shell": ("def f(agent):\n    return agent.sandbox", "attribute"),
    "agent's tools": ("def f(agent):\n    agent.tool.load_tool('x')", "attribute"),
    "model's client": ("X = model.client", "call"),
    "traceback frames": ("def f(e):\n    return e.tb_frame.f_globals", "attribute"),
    "new route": ("app.add_route('/x', read_prompt)", "attribute"),
    "request headers": ("def f(context):\n    return context.request_headers", "attribute"),
    "attribute by pattern": ("match app:\n    case object(debug=x):\n        pass", "syntax"),
    # The environment and AWS.
    "environment theft": ("X = os.environ['AWS_SECRET_ACCESS_KEY']", "environment"),
    "environment by a variable": ("K = 'MODEL_ID'\nX = os.environ[K]", "environment"),
    "environment whole": ("X = dict(os.environ)", "environment"),
    "environment by get": ("X = os.environ.get('MODEL_ID')", "environment"),
    "environment written": ("os.environ['MODEL_ID'] = 'x'", "environment"),
    "another AWS service": ("X = aws.client('s3')", "call"),
    "AWS service by a variable": ("N = 's3'\nX = aws.client(N)", "call"),
    "AWS elsewhere": (
        "X = aws.client('bedrock-agent-runtime', endpoint_url='http://evil')",
        "call",
    ),
    "client maker passed on": ("MAKE = aws.client", "call"),
    "session passed on": ("MAKE = boto3.Session", "call"),
    "session with keys": ("X = boto3.Session(aws_access_key_id='x')", "call"),
    "boto3.client": ("X = boto3.client('s3')", "call"),
    "model elsewhere": ("X = BedrockModel(endpoint_url='http://evil')", "call"),
    "model by stars": ("X = BedrockModel(**CONFIG)", "call"),
    "tools from a folder": ("X = Agent(load_tools_from_directory=True)", "call"),
    "tool from a file": ("X = Agent(tools=['/tmp/evil.py'])", "call"),
    "tool from a variable": ("PATHS = ['/tmp/x.py']\nX = Agent(tools=PATHS)", "call"),
    "agent class passed on": ("X = [Agent]", "call"),
    "another knowledge base": (
        "X = knowledge.retrieve(knowledgeBaseId='OTHER', retrievalQuery={})",
        "contract",
    ),
    "search passed on": ("SEARCHER = knowledge.retrieve", "contract"),
    "search by stars": (
        "X = knowledge.retrieve(**CONFIG, knowledgeBaseId=KNOWLEDGE_BASE_ID)",
        "contract",
    ),
    "knowledge base rebound": ("KNOWLEDGE_BASE_ID = 'OTHER'", "contract"),
    "knowledge base as argument": (
        "F = lambda KNOWLEDGE_BASE_ID: knowledge.retrieve(knowledgeBaseId=KNOWLEDGE_BASE_ID)",
        "contract",
    ),
    # Code in disguise.
    "text as annotation": ("def f(x: \"__import__('os').system('id')\"):\n    pass", "annotation"),
    "text in a type's brackets": ("def f(x: list['evil()']):\n    pass", "annotation"),
    "annotation by a variable": ("T = list['evil()']\ndef f(x: T):\n    pass", "annotation"),
    "call as annotation": ("X: read_prompt(1) = 1", "annotation"),
    "subclass": ("class Mine(BedrockAgentCoreApp):\n    pass", "class"),
    "metaclass": ("class Mine(metaclass=CONFIG):\n    pass", "class"),
    "special method": ("class Mine:\n    def __del__(self):\n        pass", "name"),
    "encoding comment": ("# x", "syntax"),
    # Work without end, and form.
    "endless loop": ("while True:\n    pass", "syntax"),
    "huge number": ("X = 10 ** 10 ** 10", "syntax"),
    "huge shift": ("X = 1 << 99999999", "syntax"),
    "global": ("def f():\n    global app", "syntax"),
    "delete": ("del CONFIG", "syntax"),
    "assert": ("assert CONFIG", "syntax"),
    "no Python": ("def (:", "syntax"),
    "NUL byte": ("X = 1\x00", "syntax"),
    "text that runs backwards": ("# \u202e", "syntax"),
    "second entry point": ("@app.entrypoint\ndef other(payload):\n    return 1", "contract"),
    "second app": ("app = BedrockAgentCoreApp()", "contract"),
}


@pytest.mark.parametrize(("snippet", "rule"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_code_is_refused(snippet, rule):
    source = with_code(snippet)
    if snippet == "# x":
        source = b"# -*- coding: utf-7 -*-\n" + source
    assert rule in rules_of(source)


@pytest.mark.parametrize(
    "source",
    [
        b"(" * 5_000,
        b"x = " + b"-" * 20_000 + b"1",
        b"x" + b".a" * 20_000,
        b"x" + b"()" * 900,
        b"x = " + b"[" * 150 + b"]" * 150,
        b"\xff\xfe",
        b"",
        b"#" * (MAX_SOURCE_BYTES + 1),
    ],
    ids=["parentheses", "minuses", "dots", "calls", "brackets", "bytes", "empty", "size"],
)
def test_monstrous_files_are_findings_not_crashes(source):
    assert check_source(source)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"    app.run()\n", b"    app.run(host='0.0.0.0')\n"),
        (b'if __name__ == "__main__":\n    app.run()\n', b""),
        (b"@app.entrypoint\n", b""),
        (b"def hand_off_to_human(", b"def hand_off("),
        (b'KNOWLEDGE_BASE_ID = os.environ["KNOWLEDGE_BASE_ID"]', b'KNOWLEDGE_BASE_ID = "X"'),
        (b'"agent.json"', b'"../other/agent.json"'),
    ],
    ids=["other host", "no start", "no entry", "no hand-off", "fixed base", "other file"],
)
def test_changed_templates_are_refused(old, new):
    changed = GOOD.replace(old, new)
    assert changed != GOOD
    assert check_source(changed)


def test_findings_name_the_line():
    line = GOOD[: GOOD.index(ENTRY)].count(b"\n") + 1
    [finding] = check_source(with_code("import socket"))
    assert finding.line == line
    assert str(finding) == f"line {line} may not import socket [import]"


def test_no_file_may_stand_in_for_a_module():
    files = {"agent_file.py": GOOD, "agent.json": b"{}", "strands.py": b""}
    assert [finding.rule for finding in check_files(files)] == ["files"]


def test_refusal_says_why():
    source = with_code("import socket\nimport ctypes")
    with pytest.raises(CodeRejectedError, match=r"may not import socket.*may not import ctypes"):
        ensure_accepted({"agent_file.py": source, "agent.json": b"{}"})
