"""What a person or a conversation is called at a provider: the same each time, and telling nobody who it is."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


class Pseudonyms:
    """Keyed hashes. The key is made from the providers' own keys: every worker has them, and nobody else has."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._key = hashlib.sha256("\0".join(sorted(secrets)).encode()).digest()

    def of(self, *names: str) -> str:
        """32 hexadecimal characters for these ids (OpenAI takes up to 128 as safety_identifier)."""
        return hmac.new(self._key, "\0".join(names).encode(), hashlib.sha256).hexdigest()[:32]
