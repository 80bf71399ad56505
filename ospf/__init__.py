# SPDX-License-Identifier: BSD-3-Clause
"""Announcing prefixes by OSPF through BIRD 2: its configuration, its process, its replies."""
