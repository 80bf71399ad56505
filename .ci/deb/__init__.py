# SPDX-License-Identifier: BSD-3-Clause
"""Builds the Debian package: `python -P -m deb`, with .ci on PYTHONPATH; ./dev package does it."""
