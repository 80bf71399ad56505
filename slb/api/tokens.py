# SPDX-License-Identifier: BSD-3-Clause
"""Bearer tokens: 256 random bits each, of which only a salted hash is kept.

Nobody can try so many, so the hash need not be slow: SHA-256, which a request can afford.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable

from slb.model.agent_config import TokenRule

_SALT_BYTES = 16
_TOKEN_BYTES = 32
_TOKEN = re.compile(r"slb_[A-Za-z0-9_-]{43}", re.ASCII)


def new_token() -> str:
    """Return a token that nobody else has."""
    return f"slb_{secrets.token_urlsafe(_TOKEN_BYTES)}"


def hashed(token: str, salt: bytes | None = None) -> str:
    """Return what agent.yaml keeps of a token."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    return f"sha256:{salt.hex()}:{hashlib.sha256(salt + token.encode()).hexdigest()}"


def find(rules: Iterable[TokenRule], token: str) -> TokenRule | None:
    """Return the rule of a token; the time it takes says nothing of the token or the rules."""
    if not _TOKEN.fullmatch(token):
        return None
    found = None
    for rule in rules:
        salt = bytes.fromhex(rule.hash.split(":")[1])
        if hmac.compare_digest(hashed(token, salt), rule.hash):
            found = rule
    return found
