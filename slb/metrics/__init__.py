# SPDX-License-Identifier: BSD-3-Clause
"""What slbd tells Prometheus: one module for each kind of figures, all read when it asks."""
