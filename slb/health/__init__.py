# SPDX-License-Identifier: BSD-3-Clause
"""Health checks of RS: which there are, how each is made, and what follows from the results."""
