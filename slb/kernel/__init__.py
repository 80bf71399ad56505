# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's side of the ports: interfaces, and routes and neighbours mirrored from it."""
