# SPDX-License-Identifier: BSD-3-Clause
"""Who may import whom in slb, slbctl and ospf, and that no two folders import each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

from lint.files import files

PRODUCT = ("slb", "slbctl", "ospf")
# What a folder may import of the product, besides itself; a folder without a row is free.
ONLY: dict[str, frozenset[str]] = {
    "slbctl": frozenset({"slb", "slb.api", "slb.config", "slb.host", "slb.model", "slb.errors"}),
    "slb.host": frozenset({"slb.config", "slb.kernel", "slb.model", "slb.errors", "ospf"}),
    "ospf": frozenset({"slb.model", "slb.errors"}),
    "slb.model": frozenset({"slb.errors"}),
    "slb.errors": frozenset(),
}
NEVER: dict[str, frozenset[str]] = {
    name: frozenset({"slb.engine", "slb.daemon"}) for name in ("slb.agent", "slb.controller")
}
EXTENSION = "slb._engine"
BINDING = "slb/engine/binding.py"


def check(root: Path) -> list[str]:
    """Name every import that the layers forbid, and one cycle if there is any."""
    problems: list[str] = []
    graph: dict[str, set[str]] = {}
    for file in [f for top in PRODUCT for f in files(root, "*.py", under=top)]:
        source = _unit(_module(root, file))
        for line, module in _imported(root, file):
            target = _unit(module)
            if target == source:
                continue
            graph.setdefault(source, set()).add(target)
            if not _allowed(root, file, source, target):
                where = f"{file.relative_to(root)}:{line}"
                problems.append(f"{where}: {source} may not import {target}")
    cycle = _cycle(graph)
    return [*problems, f"folders import each other: {' -> '.join(cycle)}"] if cycle else problems


def _allowed(root: Path, file: Path, source: str, target: str) -> bool:
    if target == EXTENSION:
        return file == root / BINDING
    return target in ONLY.get(source, {target}) and target not in NEVER.get(source, ())


def _imported(root: Path, file: Path) -> Iterator[tuple[int, str]]:
    """Yield line and module of each import of the product's own modules."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = _module(root, file).split(".")
            if file.name != "__init__.py":
                package.pop()
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            # `from slb import errors` means the module slb.errors.
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] in PRODUCT:
                yield node.lineno, name


def _module(root: Path, file: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _unit(module: str) -> str:
    """Return the folder that layers speak of: slb.model of slb.model.endpoint."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "slb" else parts[0]


def _cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return one cycle as a list that ends where it starts, or nothing."""
    done: set[str] = set()

    def walk(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return []
        for target in sorted(graph.get(node, ())):
            if found := walk(target, [*trail, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walk(node, []))), [])
