"""Pseudonyms by recipient and release: the same person has another number in each file that leaves.

HMAC-SHA256 of the random person id, under a key derived per recipient and release (RFC 5869's extract-and-expand is
not needed: one HMAC of a label under a uniformly random 256-bit key is a key). Shown as 12 Crockford base32
characters, 60 bits: readable aloud, and without a collision worth counting at the size of a country.
"""

from __future__ import annotations

import hashlib
import hmac

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 12


def release_key(key: bytes, recipient: str, release: str) -> bytes:
    """The 32-byte key of one recipient and release, derived from the pseudonym key (32 bytes)."""
    return hmac.digest(key, f"pseudonym|{recipient}|{release}".encode(), hashlib.sha256)


def pseudonym(key: bytes, person_id: str) -> str:
    """The pseudonym of a person id under a release key."""
    bits = int.from_bytes(hmac.digest(key, person_id.encode(), hashlib.sha256)[:8], "big") >> 4
    return "".join(_ALPHABET[(bits >> (5 * place)) & 31] for place in reversed(range(_LENGTH)))
