"""An answer that is given again ends in exactly one whole answer, in its place, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio

from tests.house import House


async def test_a_retry_survives_the_death_of_its_worker_and_of_its_adapter() -> None:
    async with House(forked=True) as house:
        slack, worker = await house.start("slack", "worker")
        house.models.will_say("The former answer.")
        asked = await house.slack.post("mia", "general", "@Switchboard tell me twice")
        await house.slack.shows("The former answer.", thread_ts=asked.ts)
        await house.at_rest()
        never, later = asyncio.Event(), asyncio.Event()
        house.models.will_wait_for(never, say=("Half of it", " and the rest."))
        await house.slack.post("mia", "general", "@Switchboard /retry", thread_ts=asked.ts)
        await house.slack.shows("Half of it", thread_ts=asked.ts)
        house.models.will_wait_for(later, say=("The whole of it,", " at last."))
        worker.kill()
        await house.start("worker")
        await house.slack.shows("The whole of it,", thread_ts=asked.ts)
        slack.kill()
        later.set()
        await house.start("slack")
        await house.slack.shows("The whole of it, at last.", thread_ts=asked.ts)
        await house.at_rest()
        (answer,) = house.slack.answers(asked.ts)
        assert house.slack.text_of(answer) == "The whole of it, at last."
        assert [block["type"] for block in answer.blocks] == ["markdown"]
        house.models.will_say("Yes.")
        await house.slack.post("mia", "general", "and now?", thread_ts=asked.ts)
        await house.slack.shows("Yes.", thread_ts=asked.ts)
        await house.at_rest()
        told = str(house.models.requests[-1].body["messages"])
        assert ("The former answer." in told, told.count("tell me twice")) == (False, 1)
        assert "The whole of it, at last." in told
