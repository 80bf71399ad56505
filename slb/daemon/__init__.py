# SPDX-License-Identifier: BSD-3-Clause
"""slbd: the process that runs the engine."""
