# SPDX-License-Identifier: BSD-3-Clause
"""Measures the engine beside testpmd: the same frames, in the same run."""
