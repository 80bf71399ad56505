# SPDX-License-Identifier: BSD-3-Clause
"""The host that slbd is to run on: its NICs and who drives them, and what it lacks for slbd."""
