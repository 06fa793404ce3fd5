"""`python -m tests.benchmarks.bare BASE_URL KEY ANSWERS AT_ONCE`: the openai client alone, as its README uses it.

What a worker is measured against: nothing is stored, shown or ordered. Prints seconds and CPU seconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import httpx2
from openai import AsyncOpenAI

WARM = 20  # answers before the clock starts


async def run(base_url: str, key: str, answers: int, at_once: int) -> None:
    limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    http = httpx2.AsyncClient(limits=limits, timeout=60, trust_env=False)
    async with AsyncOpenAI(base_url=base_url, api_key=key, http_client=http) as client:
        room = asyncio.Semaphore(at_once)

        async def one(n: int) -> str:
            async with room:
                stream = await client.chat.completions.create(
                    model="gpt-4o",
                    messages=[
                        {"role": "system", "content": "You are an assistant in a team's chat."},
                        {"role": "user", "content": f"What do you make of it? (question b{n})"},
                    ],
                    stream=True,
                    stream_options={"include_usage": True},
                )
                return "".join(
                    [c.choices[0].delta.content or "" async for c in stream if c.choices]
                )

        await asyncio.gather(*map(one, range(WARM)))
        began, used = time.monotonic(), time.process_time()
        await asyncio.gather(*map(one, range(answers)))
        json.dump([time.monotonic() - began, time.process_time() - used], sys.stdout)


if __name__ == "__main__":
    base_url, key, answers, at_once = sys.argv[1:]
    asyncio.run(run(base_url, key, int(answers), int(at_once)))
