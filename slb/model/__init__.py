# SPDX-License-Identifier: BSD-3-Clause
"""The one vocabulary of configuration files, API bodies and code."""
