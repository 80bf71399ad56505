# SPDX-License-Identifier: BSD-3-Clause
"""Who may include whom in csrc: base <- path <- worker <- admin, with steer and kni beside worker.

The engine knows everybody, and nobody knows the engine but the harness, which puts the same parts
together without ports. The fuzzer sees what the tests see, the two ABI headers. So there can be no
cycle between folders.
"""

import re
from pathlib import Path

from lint.abi import HEADERS as ABI
from lint.files import c_files

# Each folder may include its own headers, `include`, and these folders or single headers.
ALLOWED: dict[str, frozenset[str]] = {
    "include": frozenset(),
    "base": frozenset(),
    "path": frozenset({"base"}),
    "worker": frozenset({"base", "path", "steer/soft.h", "steer/standby.h"}),
    "steer": frozenset({"base", "path"}),
    "kni": frozenset({"base", "path", "steer/soft.h", "steer/standby.h"}),
    "admin": frozenset({"base", "path", "worker/inbox.h"}),
    "engine": frozenset({"base", "path", "worker", "steer", "kni", "admin"}),
    "harness": frozenset({"base", "path", "admin", "worker", "steer", "kni", "engine/engine.h"}),
    "fuzz": frozenset(),
    "bench": frozenset(
        {"base", "path", "worker", "steer/soft.h", "harness/inner.h", "engine/engine.h"}
    ),
}
# The path sees packets, never devices, rings or cores.
_NOT_IN_PATH = re.compile(r"rte_(ethdev|ethdev_\w+|flow|ring\w*|lcore|launch|eal|log|malloc)\.h")
_INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def check(root: Path) -> list[str]:
    """Name every include that crosses a layer the wrong way."""
    csrc = root / "csrc"
    problems: list[str] = []
    for file in c_files(root):
        folder = file.relative_to(csrc).parts[0]
        if folder not in ALLOWED:
            problems.append(
                f"{file.relative_to(root)}: folder '{folder}' has no layer in {__file__}"
            )
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if (match := _INCLUDE.match(line)) and not _allowed(csrc, file, *match.groups()):
                where = f"{file.relative_to(root)}:{number}"
                problems.append(f"{where}: {folder} may not include {match[2]}")
    return problems


def _allowed(csrc: Path, file: Path, quote: str, name: str) -> bool:
    folder = file.relative_to(csrc).parts[0]
    if folder == "path" and _NOT_IN_PATH.fullmatch(name):
        return False
    target = _resolve(csrc, file, name) if quote == '"' else None
    if target is None:
        return True
    if target in ABI:
        return file.name == "slb.h"
    return not {target, target.split("/")[0]}.isdisjoint({folder, "include"} | ALLOWED[folder])


def _resolve(csrc: Path, file: Path, name: str) -> str | None:
    """Return the header within csrc, or None for one from elsewhere."""
    for start in (file.parent, csrc, csrc / "include"):
        target = (start / name).resolve()
        if target.is_file() and target.is_relative_to(csrc.resolve()):
            return target.relative_to(csrc.resolve()).as_posix()
    return None
