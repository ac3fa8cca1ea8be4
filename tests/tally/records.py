"""Makes records as a producer would write them."""

from datetime import UTC, datetime

from services.kernel.clock import rfc3339
from services.kernel.envelope import Headers, to_headers
from services.kernel.ids import event_id
from services.kernel.runtime.records import Record
from tests.tally.domain import ADDED, Added

AT = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
SOURCE = "/pathway/source"
ROOT = "00000000-0000-7000-8000-000000000000"


def headers(key: str, sequence: int, *, type_: str = ADDED, source: str = SOURCE, event: str | None = None) -> Headers:
    """Return an envelope's headers."""
    return to_headers(
        {
            "id": event or event_id(ROOT, f"{key}/{type_}", sequence),
            "source": source,
            "type": type_,
            "subject": key,
            "time": rfc3339(AT),
            "recordedtime": rfc3339(AT),
            "sequence": str(sequence),
            "correlationid": key,
            "causationid": ROOT,
        }
    )


def added(number: int, note: str = "") -> bytes:
    """Return the value of an added number."""
    return Added(number=number, note=note).model_dump_json().encode()


def record(
    offset: int,
    key: str,
    sequence: int,
    number: int = 1,
    *,
    topic: str = "numbers",
    partition: int = 0,
    event: str | None = None,
) -> Record:
    """Return a record at an offset."""
    return Record(topic, partition, offset, key.encode(), added(number), headers(key, sequence, event=event))
