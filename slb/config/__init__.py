# SPDX-License-Identifier: BSD-3-Clause
"""Configuration files: text to model.Config, with a file and a line in every error."""
