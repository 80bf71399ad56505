# SPDX-License-Identifier: BSD-3-Clause
"""Where DPDK's own tools have a kind of pool in their list of kinds.

A process numbers them as its drivers register, and drivers are loaded in the order in which the
folder lists them, each with those that it needs. So it differs from host to host; a process of its
own, `python driver_order.py FOLDER KIND SIZE`, loads them as the tools do, and prints the place.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

# rte_mempool_ops_table: a lock, how many there are, and from the next line on the kinds, each of
# which begins with its name.
_LINE, _NAME = 64, 32
_COUNT_AT = 4
_NEEDS = b"librte_mempool_"
_TIMEOUT_S = 30


def place(folder: str, kind: str, size: int) -> int | None:
    """Ask a process of its own; None: there are no such drivers, so there are no tools."""
    if not os.path.isdir(folder):
        return None
    words = [sys.executable, "-I", __file__, folder, kind, str(size)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    answer = done.stdout.strip()
    return int(answer) if done.returncode == 0 and answer.isdecimal() else None


def _drivers(folder: Path) -> list[Path]:
    """Those that have to do with pools, in the folder's order; only their full names count."""
    version = folder.name.partition("-")[2]
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            loaded = entry.name.endswith((".so", f".so.{version}"))
            if loaded and entry.is_file() and _NEEDS in Path(entry).read_bytes():
                found.append(Path(entry))
    return found


def _names(table: int, size: int) -> list[str]:
    """Read the names in the order of the list."""
    count = ctypes.c_uint32.from_address(table + _COUNT_AT).value
    at = (table + _LINE + size * number for number in range(count))
    return [ctypes.string_at(address, _NAME).partition(b"\0")[0].decode() for address in at]


def main(folder: str, kind: str, size: str) -> None:
    """Print the kind's place."""
    library = None
    for path in _drivers(Path(folder)):
        library = ctypes.CDLL(str(path), mode=os.RTLD_NOW)
    if library is not None:
        table = ctypes.addressof(ctypes.c_char.in_dll(library, "rte_mempool_ops_table"))
        sys.stdout.write(f"{_names(table, int(size)).index(kind)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
