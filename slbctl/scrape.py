# SPDX-License-Identifier: BSD-3-Clause
"""`python -m slbctl.scrape SECONDS PROGRAM SOCKET PATH`: what it tells Prometheus.

For the support bundle: elsewhere Prometheus reads it itself.
"""

import sys

from slb.api.client import Client
from slbctl import output
from slbctl.failures import explain


def main(seconds: str, program: str, socket: str, path: str) -> int:
    """Prints it, or why it is not to be had; returns the exit status."""
    try:
        output.show_text(Client(socket, float(seconds), program).scrape(path).decode())
        output.finish()
    except Exception as error:
        lines, status = explain(error)
        for line in lines:
            output.show_failure(line)
        return status
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
