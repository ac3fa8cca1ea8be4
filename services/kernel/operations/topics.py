"""The topics of the catalogue, made on a broker. No role declares a topic: this command does, once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from services.kernel.catalogue import Catalogue, Topic
from services.kernel.runtime.broker import client_options
from services.kernel.settings import Environment, Settings

ADMIN_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as this environment wants it; ``name`` has the prefix."""

    name: str
    partitions: int
    replicas: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class Made:
    """What was found or done of one topic, and every difference that nobody may mend by itself."""

    topic: str
    result: str
    differences: tuple[str, ...] = ()


def wanted(topic: Topic, settings: Settings) -> Wanted:
    """Return how a topic is made: with one replica and fewer partitions in development."""
    small = settings.environment is Environment.DEVELOPMENT
    return Wanted(
        settings.topic_prefix + topic.topic,
        topic.development_partitions if small else topic.partitions,
        1 if small else topic.replication_factor,
        {
            "cleanup.policy": topic.cleanup_policy.value,
            "retention.ms": str(topic.retention_ms),
            "retention.bytes": "-1",
            "min.insync.replicas": str(1 if small else topic.min_insync_replicas),
            "max.message.bytes": str(topic.max_message_bytes),
            "message.timestamp.type": "CreateTime",
        },
    )


async def apply_topics(catalogue: Catalogue, settings: Settings, *, apply: bool) -> list[Made]:
    """Make what is missing and say what differs. What is there is never changed: a partition count is for ever.

    Raises KafkaError when the broker cannot be reached or refuses.
    """
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=ADMIN_TIMEOUT_MS)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        plans = [wanted(topic, settings) for topic in catalogue.values()]
        return [
            await _compare(admin, plan) if plan.name in there else await _make(admin, plan, apply=apply)
            for plan in plans
        ]
    finally:
        await admin.close()


async def _make(admin: AIOKafkaAdminClient, plan: Wanted, *, apply: bool) -> Made:
    if not apply:
        return Made(plan.name, "missing")
    new = NewTopic(plan.name, plan.partitions, plan.replicas, topic_configs=plan.config)
    answer: Any = await admin.create_topics([new])
    for name, code, *_ in answer.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:
            return await _compare(admin, plan)  # two at once
        if code:
            raise error(f"{name} was not made")
    return Made(plan.name, "made")


async def _compare(admin: AIOKafkaAdminClient, plan: Wanted) -> Made:
    described = (await admin.describe_topics([plan.name]))[0]
    answers: Any = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, plan.name)])
    config = {entry[0]: entry[1] for answer in answers for resource in answer.resources for entry in resource[4]}
    replicas = min((len(one["replicas"]) for one in described["partitions"]), default=0)
    found = tuple(_differences(plan, len(described["partitions"]), replicas, config))
    return Made(plan.name, "differs" if found else "as it should be", found)


def _differences(plan: Wanted, partitions: int, replicas: int, config: dict[str, str]) -> Iterator[str]:
    if partitions != plan.partitions:
        yield f"partitions: {partitions}, not {plan.partitions}"
    if replicas != plan.replicas:
        yield f"replicas: {replicas}, not {plan.replicas}"
    for name, value in plan.config.items():
        if config.get(name) != value:
            yield f"{name}: {config.get(name)}, not {value}"
