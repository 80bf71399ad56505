# SPDX-License-Identifier: BSD-3-Clause
"""`slbctl`, from the shell's side: arguments in, an exit status out."""

import os
import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Runs the command line, or answers the shell that completes one."""
    try:
        # Imported here, since an interrupt most often meets a short command while it is loaded.
        from slbctl import completion, root

        if completion.VARIABLE in os.environ:
            sys.exit(completion.answer(root.cli))
        sys.exit(root.run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
