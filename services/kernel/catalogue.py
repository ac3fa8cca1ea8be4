"""The topic catalogue: who owns a topic, how it is kept, which types it carries, the class of every field.

One YAML file a topic, named after it. Kubernetes, Compose, the administration command and the tests are
checked against what this module reads. A folder with faults is refused whole: every fault is
reported at once, with its file, its place and what to do.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.kernel.registry import Classes, FieldClass

E = TypeVar("E", bound="Entry")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
FieldPath = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\[\])?(\.[a-z][a-z0-9_]*(\[\])?)*$")]
"""A field's place: ``programme.id``; ``package[].after`` is a field of the objects in a list."""


class CleanupPolicy(StrEnum):
    """What the broker does with old records."""

    DELETE = "delete"
    COMPACT = "compact"


class Entry(BaseModel):
    """A part of a catalogue file: nothing is unknown, nothing changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TypeEntry(Entry):
    """One event type of a topic. ``includes`` names field groups of the same file.

    ``key`` lists fields: the first that an event carries is its record key.
    """

    description: str = Field(min_length=1)
    key: tuple[FieldPath, ...] = Field(min_length=1)
    includes: tuple[Name, ...] = ()
    fields: Mapping[FieldPath, FieldClass] = {}


class Topic(Entry):
    """One topic as its file describes it. ``retention_ms`` -1 keeps records for ever.

    ``retention_class`` is one of those that :mod:`services.kernel.retention` reads.
    """

    topic: Name
    description: str = Field(min_length=1)
    owner: Name
    producers: tuple[Name, ...] = Field(min_length=1)
    consumers: tuple[Name, ...] = Field(min_length=1)
    partitions: int = Field(ge=1)
    development_partitions: int = Field(ge=1)
    replication_factor: int = Field(ge=1)
    min_insync_replicas: int = Field(ge=1)
    retention_class: Name
    retention_ms: int = Field(ge=-1)
    cleanup_policy: CleanupPolicy
    max_message_bytes: int = Field(ge=1)
    field_groups: Mapping[Name, Mapping[FieldPath, FieldClass]] = {}
    types: Mapping[Name, TypeEntry] = Field(min_length=1)

    def classes(self, event_type: str) -> dict[str, FieldClass]:
        """Return the class of every field of ``event_type``. Raises KeyError for a type of another topic."""
        entry = self.types[event_type]
        found: dict[str, FieldClass] = {}
        for group in entry.includes:
            found.update(self.field_groups[group])
        found.update(entry.fields)
        return found


class Catalogue(Mapping[str, Topic]):
    """All topics, by name."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._topics = {topic.topic: topic for topic in topics}
        self._of_type = {name: topic for topic in self._topics.values() for name in topic.types}

    def __getitem__(self, name: str) -> Topic:
        return self._topics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._topics)

    def __len__(self) -> int:
        return len(self._topics)

    def topic_of(self, event_type: str) -> Topic | None:
        """Return the topic that carries ``event_type`` or None."""
        return self._of_type.get(event_type)

    @property
    def types(self) -> frozenset[str]:
        """Every event type of every topic."""
        return frozenset(self._of_type)

    @property
    def classes(self) -> Classes:
        """The class of every field of every event type."""
        return {name: topic.classes(name) for name, topic in self._of_type.items()}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a catalogue file: where, what, and what to do about it."""

    file: str
    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place or 'whole file'}: {self.message}. {self.remedy}"


class CatalogueError(Exception):
    """The catalogue cannot be used; ``faults`` holds everything that is wrong."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a mapping that names one key twice; YAML readers otherwise keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a word", key_node.start_mark)
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key_node.value!r} stands twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def load_catalogue(folder: Path) -> Catalogue:
    """Read every ``*.yaml`` of ``folder``. Raises CatalogueError with all faults of all files."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise CatalogueError(
            (Fault(str(folder), "", "no topic file here", "Point at the folder that holds the topics"),)
        )
    faults: list[Fault] = []
    topics: list[Topic] = []
    carriers: dict[str, str] = {}
    for file in files:
        topic = read_entry(file, Topic, faults)
        if topic is None:
            continue
        faults.extend(_own_faults(file, topic))
        for event_type in topic.types:
            first = carriers.setdefault(event_type, file.name)
            if first != file.name:
                faults.append(
                    Fault(file.name, f"types.{event_type}", f"{first} carries it too", "Keep it in one topic")
                )
        topics.append(topic)
    if faults:
        raise CatalogueError(tuple(faults))
    return Catalogue(topics)


def read_entry(file: Path, model: type[E], faults: list[Fault]) -> E | None:
    """Return a file of a catalogue as its model; what is wrong with it goes to ``faults``."""
    try:
        content = yaml.load(file.read_text("utf-8"), _UniqueKeys)  # noqa: S506  a SafeLoader that is stricter
    except (yaml.YAMLError, ValueError) as error:  # not UTF-8, or a date that is none
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else ""
        faults.append(Fault(file.name, place, getattr(error, "problem", None) or str(error), "Write valid YAML"))
        return None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            place = ".".join(str(part) for part in problem["loc"])
            faults.append(Fault(file.name, place, problem["msg"], _remedy(problem["type"])))
        return None


def _remedy(kind: str) -> str:
    known = {"missing": "Add it", "extra_forbidden": "Remove it or correct its spelling"}
    return known.get(kind, "Correct the value")


def _own_faults(file: Path, topic: Topic) -> Iterator[Fault]:
    def fault(place: str, message: str, remedy: str) -> Fault:
        return Fault(file.name, place, message, remedy)

    if file.stem != topic.topic:
        yield fault("topic", f"the file is named {file.stem}", f"Name the file {topic.topic}.yaml")
    if topic.owner not in topic.producers:
        yield fault("owner", f"{topic.owner} does not produce the topic", "Name one of its producers")
    if topic.min_insync_replicas > topic.replication_factor:
        yield fault("min_insync_replicas", "more replicas than there are", "Lower it or raise replication_factor")
    used = {group for entry in topic.types.values() for group in entry.includes}
    for group in sorted(topic.field_groups.keys() - used):
        yield fault(f"field_groups.{group}", "no type includes it", "Remove it or include it")
    for name, entry in topic.types.items():
        for place, message, remedy in _type_faults(topic, entry):
            yield fault(f"types.{name}.{place}", message, remedy)


def _type_faults(topic: Topic, entry: TypeEntry) -> Iterator[tuple[str, str, str]]:
    for group in entry.includes:
        if group not in topic.field_groups:
            yield "includes", f"there is no field group {group}", "Add it to field_groups"
    seen: dict[str, str] = {}
    named = [(group, topic.field_groups.get(group, {})) for group in entry.includes]
    for group, fields in (*named, ("fields", entry.fields)):
        for path in fields:
            first = seen.setdefault(path, group)
            if first != group:
                yield path, f"{first} and {group} both class it", "Class it once"
    for key in entry.key:
        if key not in seen:
            yield "key", f"the key {key} is no field of it", "Name a field that has a class"
