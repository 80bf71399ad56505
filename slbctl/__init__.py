# SPDX-License-Identifier: BSD-3-Clause
"""The operator's command line: every command is one question or one change to the daemon's API."""
