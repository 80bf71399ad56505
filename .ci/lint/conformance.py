# SPDX-License-Identifier: BSD-3-Clause
"""That every test which docs/conformance.md names is there, and that no row names nothing."""

import ast
import re
from functools import cache
from pathlib import Path

_CASE = re.compile(r"`(cases_\w+): ([^`]+)`")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ROW = re.compile(r"^\| (test_\w+) \|.*\| ([^|]*?) \|$", re.MULTILINE)
_REASON = re.compile(r"(no|to come): \S")
DOC = "docs/conformance.md"


def check(root: Path) -> list[str]:
    """Name cases and tests that do not exist, and rows without one or a reason."""
    doc = root / DOC
    if not doc.exists():
        return [f"{DOC}: missing"]
    text = doc.read_text()
    problems = [
        f"{DOC}: no case '{sentence}' in tests/path/{module}.py"
        for module, sentence in _CASE.findall(text)
        if not any(s.fullmatch(sentence) for s in _sentences(root / f"tests/path/{module}.py"))
    ]
    problems += [
        f"{DOC}: no {name} in {file}"
        for file, name in _TEST.findall(text)
        if name not in _functions(root / file)
    ]
    rows = _ROW.findall(text)
    bare = [name for name, here in rows if not _says_something(here)]
    problems += [f"{DOC}: {name} has neither a test nor 'no:' or 'to come:'" for name in bare]
    return problems if rows else [f"{DOC}: no table of tests"]


def _says_something(cell: str) -> bool:
    return any(pattern.search(cell) for pattern in (_CASE, _TEST)) or bool(_REASON.match(cell))


@cache
def _sentences(file: Path) -> tuple[re.Pattern[str], ...]:
    """Patterns of the sentences of a file's cases; what an f-string fills in may be anything."""
    calls = [node for node in _nodes(file) if isinstance(node, ast.Call) and node.args]
    cases = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "Case"]
    return tuple(re.compile(_pattern(case.args[0])) for case in cases)


def _pattern(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part) for part in node.values)
    return re.escape(str(node.value)) if isinstance(node, ast.Constant) else ".+"


@cache
def _functions(file: Path) -> frozenset[str]:
    return frozenset(node.name for node in _nodes(file) if isinstance(node, ast.FunctionDef))


def _nodes(file: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(file.read_text()))) if file.exists() else []
