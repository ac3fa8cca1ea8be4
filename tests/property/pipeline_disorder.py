"""Every way in which the topics can come to a service, other than in plain order."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from services.contracts import types
from tests.property.memory import Killed
from tests.property.pipeline import UNREADABLE, World


@dataclass(frozen=True)
class Disorder:
    """Reads the topics as badly as may be: see :meth:`__call__`. One number draws all of it.

    ``meanwhile`` is what else happens between two acts.
    """

    chance: Random
    meanwhile: Callable[[World], None] = lambda _: None

    def __call__(self, world: World) -> None:
        """Until all is quiet, one after the other: relays that send part, twice, or in another order; batches
        of any size of any partition, some of them read before; records written again at a new offset; bytes
        that nobody can read; processes that die in the middle of a transaction.
        """
        repeats = 6
        while world.busy():
            self.meanwhile(world)
            act = self.chance.choices(("publish", "read", "repeat", "poison"), (4, 8, 1 if repeats else 0, 0.3))[0]
            if act == "publish" and world.unsent():
                self._publish(world)
            elif act == "read" and world.unread():
                self._read(world)
            elif act == "repeat" and any(world.log.values()):
                repeats -= 1
                old = self.chance.choice([r for _, records in sorted(world.log.items()) for r in records])
                world.append(old.topic, old.partition, old.key or b"", old.value or b"", old.headers)
            elif act == "poison" and world.log[types.TOPIC_PLAN, 0]:
                old = self.chance.choice(world.log[types.TOPIC_PLAN, 0])
                world.append(old.topic, 0, old.key or b"", UNREADABLE, self.chance.choice((old.headers, ())))

    def _publish(self, world: World) -> None:
        name = self.chance.choice(world.unsent())
        rows = world.parts[name].unsent()
        rows = rows[: self.chance.randint(1, len(rows))]
        if self.chance.random() < 0.3:
            self.chance.shuffle(rows)
        world.publish(name, rows, mark=self.chance.random() > 0.2)

    def _read(self, world: World) -> None:
        name, place = self.chance.choice(world.unread())
        position = world.position(name, place)
        first = max(0, position - self.chance.choice((0, 0, 0, 1, 5)))
        end = self.chance.randint(position + 1, len(world.log[place]))
        if self.chance.random() < 0.2:
            world.parts[name].dies_after = self.chance.randrange(12)
        try:
            world.take(name, place, first, end)
        except Killed:
            return
        finally:
            world.parts[name].dies_after = None
