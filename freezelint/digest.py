"""Short names of contents: what is equal has the same, what is not never does in practice.

hashlib, which takes its time to start, is imported when the first is asked for.
"""

from __future__ import annotations

SIZE = 16


def of_bytes(data: bytes) -> str:
    """The digest of some bytes, in hexadecimal digits."""
    from hashlib import blake2b

    return blake2b(data, digest_size=SIZE).hexdigest()


def of_words(*words: object) -> str:
    """The digest of a sequence of values, by how Python writes them."""
    return of_bytes(repr(words).encode("utf-8", "surrogateescape"))


def signed(data: bytes, secret: bytes) -> str:
    """The digest of some bytes that only who knows the secret can make."""
    from hashlib import blake2b

    return blake2b(data, key=secret, digest_size=SIZE).hexdigest()
