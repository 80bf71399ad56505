# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's HTTP/JSON API: handlers, server and client."""
