# SPDX-License-Identifier: BSD-3-Clause
"""DPDK-SLB: the control plane of a full-NAT load balancer."""

__version__ = "0.1.0"
