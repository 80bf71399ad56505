# SPDX-License-Identifier: BSD-3-Clause
"""`python -m slbctl` is `slbctl`."""

from slbctl.main import main

main()
