# SPDX-License-Identifier: BSD-3-Clause
"""`slb-agent`."""

from collections.abc import Sequence

from slb import program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and return its exit status."""
    return program.run("slb.agent.command", arguments)


if __name__ == "__main__":
    raise SystemExit(main())
