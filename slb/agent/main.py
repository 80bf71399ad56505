# SPDX-License-Identifier: BSD-3-Clause
"""`slb-agent`, from the shell's side: arguments in, an exit status out."""

from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent and return its exit status."""
    try:
        # Imported here, since an interrupt may come while it is loaded.
        from slb.agent import command

        return command.run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    raise SystemExit(main())
