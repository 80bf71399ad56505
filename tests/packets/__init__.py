# SPDX-License-Identifier: BSD-3-Clause
"""Packets as tests send them, and what full NAT must make of them."""
