"""Bytes of pictures in Redis, under their sha256, for as long as a conversation may need them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from bot.store import Store


class Blobs:
    """Stored once however often it is sent; `ttl` in s starts anew with each use."""

    def __init__(self, store: Store, *, ttl: int) -> None:
        self.store = store
        self.ttl = ttl

    async def put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        await self.store.redis.set(self.store.key("blob", name), data, ex=self.ttl)
        return name

    async def get(self, names: Iterable[str]) -> dict[str, bytes]:
        """The bytes that are still there, one round trip."""
        wanted = list(dict.fromkeys(names))
        if not wanted:
            return {}
        async with self.store.redis.pipeline(transaction=False) as pipe:
            for name in wanted:
                pipe.getex(self.store.key("blob", name), ex=self.ttl)
            found = await pipe.execute()
        return {name: data for name, data in zip(wanted, found, strict=True) if data}
