# SPDX-License-Identifier: BSD-3-Clause
"""nftables in a namespace that drop some of what it forwards or gets, and count it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rig.netns import Namespace

_TABLE = "rig"
LOSE_SOME = "meta l4proto tcp numgen random mod 100 < 2 counter drop"

Counts = Callable[[], list[int]]


@contextmanager
def losing(
    namespace: Namespace, *rules: str, sets: tuple[str, ...] = (), hook: str = "forward"
) -> Iterator[Counts]:
    """Apply rules to what `namespace` forwards, in order, until the end of the block.

    `hook`: input, to what is for itself.

    What is yielded tells the packets that each rule with a `counter` has counted.
    """
    chain = "\n".join((f"type filter hook {hook} priority 0;", *rules))
    body = "\n".join((*sets, f"chain forward {{\n{chain}\n}}"))
    namespace.run("nft", f"table inet {_TABLE} {{\n{body}\n}}")
    try:
        yield lambda: _counts(namespace)
    finally:
        namespace.run("nft", "delete", "table", "inet", _TABLE)


def _counts(namespace: Namespace) -> list[int]:
    table = json.loads(namespace.run("nft", "-j", "list", "table", "inet", _TABLE))
    rules = [row["rule"]["expr"] for row in table["nftables"] if "rule" in row]
    return [part["counter"]["packets"] for rule in rules for part in rule if "counter" in part]
