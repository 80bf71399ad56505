# SPDX-License-Identifier: BSD-3-Clause
"""csrc/base/siphash.c beside the vectors that the authors publish."""

import pytest

from slb._harness import lib

KEY = bytes(range(16))
# SipHash-2-4 of the bytes 0, 1, 2 …, by their count: the paper's appendix A, and the reference
# implementation's vectors.h.
VECTORS = {
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    2: 0x0D6C8009D9A94F5A,
    3: 0x85676696D7FB7E2D,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
    16: 0x3F2ACC7F57C29BDB,
    63: 0x958A324CEB064572,
}


@pytest.mark.parametrize(("count", "hash_"), VECTORS.items())
def test_published_vectors(count: int, hash_: int) -> None:
    assert lib.harness_siphash(KEY, bytes(range(count)), count) == hash_
