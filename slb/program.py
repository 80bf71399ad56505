# SPDX-License-Identifier: BSD-3-Clause
"""A program from the shell's side: arguments in, an exit status out."""

from collections.abc import Sequence
from importlib import import_module

INTERRUPTED = 130


def run(command: str, arguments: Sequence[str] | None) -> int:
    """Run the module that is a program's command line, and return its exit status."""
    try:
        # Loaded here, since an interrupt may come meanwhile.
        return int(import_module(command).run(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
