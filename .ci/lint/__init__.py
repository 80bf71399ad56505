# SPDX-License-Identifier: BSD-3-Clause
"""The checks of `./dev check`: each takes the top folder and returns one line a problem."""
