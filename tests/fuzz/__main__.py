# SPDX-License-Identifier: BSD-3-Clause
"""`./dev fuzz`: made-up sequences of packets, changes and time for the packet path."""

import argparse
import os
import sys
from pathlib import Path

from fuzz.campaign import fuzz, replay
from fuzz.story import tell


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long at most (default 10)")
    parser.add_argument(
        "--packets", type=int, default=0, help="stop after so many (default: never)"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a CPU)"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="tell what one input does")
    return parser.parse_args()


def main() -> int:
    """Fuzz, or replay one input; the exit status is 1 when something was found."""
    args = arguments()
    if args.replay:
        done = replay([args.replay], TRACE="1")
        print("\n".join(tell(done.stdout)))
        print(done.stderr if done.returncode else "nothing is wrong with it")
        return int(done.returncode != 0)
    outcome = fuzz(args.minutes, args.packets, args.jobs)
    print(outcome)
    print(f"dropped for {outcome.totals.reasons()}")
    for finding in outcome.findings:
        print(finding)
    return int(bool(outcome.findings))


if __name__ == "__main__":
    sys.exit(main())
