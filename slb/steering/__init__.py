# SPDX-License-Identifier: BSD-3-Clause
"""Whether replies find their workers as the chosen methods promise."""
