# SPDX-License-Identifier: BSD-3-Clause
"""slb-agent: keeps the desired state on disk, and slbd as it says."""
