# SPDX-License-Identifier: BSD-3-Clause
# What cffi generates from csrc/include/slb_abi.h; typed in slb/engine, its only importer.
from typing import Any

ffi: Any
lib: Any
