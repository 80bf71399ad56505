# SPDX-License-Identifier: BSD-3-Clause
"""VS and RS tables: plan the difference and apply it."""
