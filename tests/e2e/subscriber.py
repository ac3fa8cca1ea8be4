"""A subscriber as an outside body would write one: librdkafka, a JSON Schema library, the CloudEvents SDK.

It knows nothing of our code. It reads the topics, finds each record's schema file through ``ce_dataschema``,
and says everything that is not as ``schemas/`` promises. Each ``*_faults`` answers with one line a fault;
none is what must come out.
"""

import base64
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, KafkaException, TopicPartition
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0


@dataclass(frozen=True)
class Seen:
    """One record as it came from the broker; headers keep their order and repetitions."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp: tuple[int, int]

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"

    @property
    def attributes(self) -> dict[str, str]:
        """The CloudEvents attributes, without ``ce_``."""
        return {name.removeprefix("ce_"): content.decode() for name, content in self.headers}


def subscribe(bootstrap: str, topics: Sequence[str], group: str) -> list[Seen]:
    """Join a consumer group and read the topics from their beginning to their present ends."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "log_level": 2,
        }
    )
    found: list[Seen] = []
    try:
        wanted = {
            (topic, number): consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=SECONDS)
            for topic in topics
            for number in consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions
        }
        left = {place: ends[1] for place, ends in wanted.items() if ends[1] > ends[0]}
        consumer.subscribe(list(topics))
        while left:
            message = consumer.poll(SECONDS)
            if message is None:
                raise TimeoutError(f"the broker gave nothing more; still wanted: {left}")
            if message.error() is not None:
                raise KafkaException(message.error())
            seen = _seen(message)
            found.append(seen)
            if seen.offset >= left.get((seen.topic, seen.partition), 0) - 1:
                left.pop((seen.topic, seen.partition), None)
    finally:
        consumer.close()
    return found


def _seen(message: Any) -> Seen:
    return Seen(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
        timestamp=message.timestamp(),
    )


# What a subscriber may rely on.


@cache
def _validator(dataschema: str, root: Path) -> Draft202012Validator:
    schema = json.loads((root / dataschema.removeprefix("/")).read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def schema_faults(records: Iterable[Seen], root: Path = ROOT) -> Iterator[str]:
    """Every value is what the schema says that its own header names, for this type in this topic."""
    for record in records:
        said = record.attributes
        try:
            validator = _validator(said["dataschema"], root)
        except (KeyError, OSError, ValueError) as error:
            yield f"{record.place}: no schema: {type(error).__name__}: {error}"
            continue
        schema = validator.schema
        assert isinstance(schema, dict)
        if (schema["x-type"], schema["x-topic"]) != (said["type"], record.topic):
            yield f"{record.place}: {said['type']} names the schema of {schema['x-type']} in {schema['x-topic']}"
        for wrong in validator.iter_errors(json.loads(record.value)):
            yield f"{record.place}: {wrong.json_path}: {wrong.message[:200]}"


def envelope_faults(records: Iterable[Seen]) -> Iterator[str]:
    """Every record is a CloudEvent in binary mode to the official SDK, about its own key, written when it says."""
    for record in records:
        names = [name for name, _ in record.headers]
        if len(set(names)) < len(names):
            yield f"{record.place}: a header comes twice"
        try:
            event = from_binary(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())
        except (CloudEventValidationError, ValueError) as error:
            yield f"{record.place}: no CloudEvent: {error}"
            continue
        attributes = event.get_attributes()
        time = event.get_time()
        facts = {
            "specversion": attributes["specversion"] == "1.0",
            "datacontenttype": event.get_datacontenttype() == "application/json",
            "data": event.get_data() == json.loads(record.value),
            "subject is the key": event.get_subject() == (record.key or b"").decode(),
            "time": time is not None and time.utcoffset() is not None,
            "type and source": event.get_type().startswith("uk.workhealth.") and event.get_source().count("/") > 1,
            "timestamp is recordedtime": record.timestamp == (TIMESTAMP_CREATE_TIME, recorded_ms(attributes)),
        }
        yield from (f"{record.place}: {name}" for name, holds in facts.items() if not holds)


def recorded_ms(attributes: dict[str, Any]) -> int | None:
    """``recordedtime`` as a record's timestamp, None where it cannot be read."""
    try:
        moment = datetime.fromisoformat(attributes["recordedtime"])
    except (KeyError, ValueError):
        return None
    return round(moment.astimezone(UTC).timestamp() * 1000)


def sequence_faults(records: Iterable[Seen]) -> Iterator[str]:
    """Per topic and key: the first appearances run 1, 2, 3...; a number has one id and one content for ever."""
    last: dict[tuple[str, bytes | None], int] = defaultdict(int)
    first: dict[tuple[str, bytes | None, int], Seen] = {}
    owners: dict[str, tuple[str, bytes | None, int]] = {}
    for record in sorted(records, key=lambda seen: (seen.topic, seen.partition, seen.offset)):
        said = record.attributes
        stream, sequence = (record.topic, record.key), int(said["sequence"])
        before = first.setdefault((*stream, sequence), record)
        if before is not record:
            if (before.value, before.headers) != (record.value, record.headers):
                yield f"{record.place}: sequence {sequence} stands at {before.place} with another content"
            continue
        if sequence != last[stream] + 1:
            yield f"{record.place}: sequence {sequence} after {last[stream]}"
        last[stream] = max(last[stream], sequence)
        if owners.setdefault(said["id"], (*stream, sequence)) != (*stream, sequence):
            yield f"{record.place}: the id {said['id']} has another owner"


def partition_faults(records: Iterable[Seen]) -> Iterator[str]:
    """A key keeps to one partition of a topic, or its order would be lost."""
    homes: dict[tuple[str, bytes | None], int] = {}
    for record in records:
        if homes.setdefault((record.topic, record.key), record.partition) != record.partition:
            yield f"{record.place}: the key is in partition {homes[record.topic, record.key]} too"


# What must never be there.

_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}")
_OTHERS_TOO = frozenset({"other", "skills", "barriers"})
"""Names and codes of an assessment that are those of other things as well, such as the barriers of a plan."""


def clinical_words(body: dict[str, Any]) -> set[str]:
    """Names and codes of the assessment in a posted referral, and names of what follows from it."""

    def words(found: Any) -> set[str]:
        match found:
            case dict():
                return set(found) | {word for value in found.values() for word in words(value)}
            case list():
                return {word for value in found for word in words(value)}
            case str():
                return {found}
        return set()

    said = {**(body.get("assessment") or {}), "taken_on": None}
    return (words(said) | {"urgency", "cause", "rule"}) - _OTHERS_TOO


def sealed_faults(records: Iterable[Seen], words: Iterable[str]) -> Iterator[str]:
    """No word of ``words`` is a name or a text of a value; every token is about the event's person and in its place."""
    wanted = set(words)
    for record in records:
        value = json.loads(record.value)
        for path, text in _texts(value):
            if text in wanted:
                yield f"{record.place}: {'.'.join(path)} holds {text!r} in clear"
            elif _TOKEN.fullmatch(text):
                yield from (f"{record.place}: {wrong}" for wrong in _token_faults(path, text, value["person_id"]))


def _texts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every name and every text, with the path to it."""
    match value:
        case dict():
            for name, inner in value.items():
                yield (*path, name), name
                yield from _texts(inner, (*path, name))
        case list():
            for inner in value:
                yield from _texts(inner, path)
        case str():
            yield path, value


def _token_faults(path: tuple[str, ...], token: str, person_id: str) -> Iterator[str]:
    """The header of a compact JWE (RFC 7516) tells whose it is and what; the rest only its key tells."""
    encoded = token.split(".", 1)[0]
    header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    kid = header.pop("kid", "")
    if header != {"alg": "dir", "enc": "A256GCM", "sub": person_id, "fld": path[-1]} or not kid:
        yield f"{'.'.join(path)} has a token of {header}"
    if "sealed" not in path:
        yield f"{'.'.join(path)} has a token outside the sealed part"


def secrets_of(body: dict[str, Any]) -> set[str]:
    """What identifies the person of a posted referral, in the spellings in which it might turn up."""
    person, contact = body["person"], body["person"]["contact"]
    found = {
        person["family_name"],
        person["given_name"],
        person["birth_date"],
        person["postcode"],
        person["postcode"].replace(" ", ""),
        contact["phone"],
        contact["phone"].removeprefix("0"),
        contact["email"],
        body["additional_information"],
        body["referrer"]["reference"],
    }
    if person["nhs_number"]:
        digits = person["nhs_number"]
        found |= {digits, f"{digits[:3]} {digits[3:6]} {digits[6:]}"}
    return {word.lower() for word in found if word}


def hashes_of(word: str) -> set[str]:
    """The plain digests of a word: whoever can guess the word can tell it from these."""
    made = [hashlib.new(name, word.encode(), usedforsecurity=False) for name in ("md5", "sha1", "sha256")]
    return {digest.hexdigest() for digest in made}


def identity_faults(records: Iterable[Seen], words: Iterable[str]) -> Iterator[str]:
    """No word of ``words`` (lower case), nor its plain digest, stands in a key, a value or a header."""
    wanted = {form: word for word in words for form in {word, *hashes_of(word)}}
    for record in records:
        texts = [json.dumps(json.loads(record.value), ensure_ascii=False), (record.key or b"").decode()]
        text = "\n".join([*texts, *(f"{name}: {content.decode()}" for name, content in record.headers)]).lower()
        yield from (f"{record.place}: holds {word!r}" for form, word in wanted.items() if form in text)
