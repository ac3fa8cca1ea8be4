"""One running system for all drills: every role a process, on Apache Kafka, with two people in it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.embedded.postgres import Postgres
from services.embedded.processes import Supervisor
from tests.docs.markdown import ROOT
from tests.e2e.erasing.story import RUNNING, Story
from tests.e2e.leaks.markers import Person
from tests.e2e.system import open_system
from tests.operations.site import Site
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

ADA, BOB = Person(301), Person(302)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    kafka: Broker, postgres: Postgres, _templates: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("operations")
    folder.parent.chmod(0o755)
    databases = Databases(postgres, _templates)
    with Supervisor(folder / "logs") as processes:
        async with open_system(kafka, databases, processes, f"{databases.name}.") as system:
            await system.start(*RUNNING)
            for name in ("services", "docs"):  # an operator's checkout
                (folder / name).symlink_to(ROOT / name)
            found = Site(Story(system, folder), ADA, BOB)
            await found.learn()
            yield found
            await found.story.call.close()
        processes.stop()
    databases.close()
