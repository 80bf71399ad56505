# SPDX-License-Identifier: BSD-3-Clause
"""What the code that workers run must not do: log, allocate, lock, or share a variable."""

import re
from pathlib import Path

from lint.files import c_code, c_files

FOLDERS = ("csrc/path", "csrc/worker")
FORBIDDEN = {
    "logging": r"RTE_LOG\w*|rte_v?log\w*|log_\w+|LOG|\w*printf|puts|perror|syslog",
    "allocation": r"(m|c|re)alloc|free|strdup|rte_(z?m|c|re)alloc\w*|rte_free|rte_memzone_\w+",
    "a lock": r"rte_(spinlock|rwlock|ticketlock|mcslock|seqlock)_\w+|pthread_\w*lock\w*",
    "an atomic read-modify-write": (
        r"__sync_\w+|__atomic_(\w+_fetch|fetch_\w+|exchange\w*|compare_exchange\w*|test_and_set)"
        r"|(rte_)?atomic_(fetch|exchange|compare_exchange|flag_test)\w*"
        r"|rte_atomic(16|32|64|128)_(add|sub|inc|dec|cmp|test|exchange|clear)\w*"
    ),
}
_CALLS = {why: re.compile(rf"\b({names})\s*\(") for why, names in FORBIDDEN.items()}
# Indented, so within a function: a variable that all workers would share.
_STATIC = re.compile(r"^[ \t]+static\s+(?!const\b|inline\b)\w")


def check(root: Path) -> list[str]:
    """Name every forbidden token with its line."""
    return [
        f"{file.relative_to(root)}:{number}: {what}, which no worker may do"
        for folder in FOLDERS
        for file in c_files(root, folder)
        for number, line in enumerate(c_code(file.read_text()).splitlines(), 1)
        for what in _found(line)
    ]


def _found(line: str) -> list[str]:
    calls = [f"{m[1]} is {why}" for why, pattern in _CALLS.items() if (m := pattern.search(line))]
    return [*calls, "a static variable in a function"] if _STATIC.match(line) else calls
