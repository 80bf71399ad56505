# SPDX-License-Identifier: BSD-3-Clause
"""The C engine as typed Python calls."""
