"""A role that ends though nobody asked it to takes the process with it."""

import asyncio

import pytest

from services.kernel.runtime.roles import RoleEnded, run_roles
from services.kernel.settings import Environment, Settings

SETTINGS = Settings(environment=Environment.DEVELOPMENT, http_port=0)


class Role:
    """Ends in one way; ``stopped`` tells whether it was asked to."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.asked = asyncio.Event()

    def stop(self) -> None:
        self.asked.set()

    async def run(self) -> None:
        if self.how == "cancelled from within":
            raise asyncio.CancelledError
        if self.how == "fails":
            raise OSError("the cause")
        if self.how == "waits":
            await self.asked.wait()


@pytest.mark.parametrize("how", ["returns", "cancelled from within"])
async def test_an_end_that_nobody_asked_for_ends_the_process(how: str) -> None:
    with pytest.raises(ExceptionGroup) as ended:
        await run_roles([Role("waits"), Role(how)], SETTINGS, list)
    assert ended.group_contains(RoleEnded)


async def test_the_cause_is_told_and_nothing_beside_it() -> None:
    """Whoever is cancelled because another failed did not fail."""
    with pytest.raises(ExceptionGroup) as ended:
        await run_roles([Role("waits"), Role("fails"), Role("waits")], SETTINGS, list)
    assert [type(error) for error in ended.value.exceptions] == [OSError]
