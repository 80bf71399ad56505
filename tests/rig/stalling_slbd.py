# SPDX-License-Identifier: BSD-3-Clause
"""slbd as installed, but SIGUSR2 makes its Python stand still, asleep in C with the lock."""

import ctypes
import signal
import sys
from types import FrameType

STALL_S = 10


def _stall(_signal: int, _frame: FrameType | None) -> None:
    # DPDK's net_tap has a signal sent for packets that arrive, and any signal would end the sleep.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    # PyDLL, unlike CDLL, keeps the interpreter's lock during the call.
    ctypes.PyDLL(None).sleep(STALL_S)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def main() -> None:
    """Install the handler and run slbd."""
    # Here, so that the tests can import the constant without the engine.
    from slb.daemon.main import main as slbd

    signal.signal(signal.SIGUSR2, _stall)
    sys.exit(slbd())


if __name__ == "__main__":
    main()
