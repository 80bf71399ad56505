# SPDX-License-Identifier: BSD-3-Clause
"""The fuzzer seen from outside: its inputs, its runs, what it finds."""
