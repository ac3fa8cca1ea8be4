"""Reads batches that aiokafka cannot, or only at its own risk.

A batch that a producer made badly must not stop a partition, and aiokafka raises for ever where it meets one:

- Names of headers are bytes on the wire, and clients in other languages write what they are given. A batch with
  a name that is not UTF-8 is read again with the odd bytes escaped.
- A packed batch may hold gigabytes, or bytes behind its end: it is unpacked by :mod:`.compression`.
- A batch whose checksum is right and whose content cannot be read is what somebody sent. Each of its offsets is
  given as a record that the kernel sets aside; the first holds the batch. A wrong checksum is damage, and stops.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

from services.kernel.envelope import Headers
from services.kernel.runtime.compression import UNPACK
from services.kernel.runtime.records import MALFORMED_BATCH

_PLAIN_VERSION = 2
_MAGIC = 16
"""Where a batch says which version of the format it is in."""
_CODEC = 22
"""Where it says, in three bits, how its records are packed."""
_CODEC_BITS = 0b111
_HEAD_BYTES = 61
"""What stands before its records, and is never packed."""


@dataclass(frozen=True, slots=True)
class _Malformed:
    """Stands for a record that nobody can read, as aiokafka would give it."""

    offset: int
    value: bytes | None
    headers: Headers
    key: None = None
    timestamp: int = 0
    timestamp_type: int = 0
    checksum: None = None


class _Escaping(bytearray):
    """Bytes whose parts decode to text whatever they hold."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Escaping(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


class _SlowBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # as below
    """A batch read in Python, slowly, with odd names escaped."""

    def __iter__(self) -> "_SlowBatch":
        self._buffer = _Escaping(self._buffer)
        return self


class _Batch:
    """aiokafka's own batch where it can be read so; else what can be made of it."""

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw
        self._fast: Any = DefaultRecordBatch(raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __iter__(self) -> Iterator[Any]:
        """Yield one record for each offset. Raises UnsupportedCodecError where this release is too old for it."""
        missing = self._fast.base_offset
        try:
            for record in self._records():
                yield record
                missing = record.offset + 1
        except UnsupportedCodecError:
            raise
        except Exception as error:
            headers = ((MALFORMED_BATCH, f"{type(error).__name__}: {error}".encode()),)
            whole: bytes | None = bytes(self._raw)
            for offset in range(missing, self._fast.next_offset):
                yield _Malformed(offset, whole, headers)
                whole = None

    def _records(self) -> Iterator[Any]:
        batch, raw = self._fast, self._raw
        if raw[_CODEC] & _CODEC_BITS:
            raw = _unpacked(raw)
            batch = DefaultRecordBatch(raw)
        read = 0
        try:
            for record in batch:
                read += 1
                yield record
        except UnicodeDecodeError:
            for number, record in enumerate(_SlowBatch(raw)):
                if number >= read:
                    yield record


def _unpacked(raw: memoryview) -> memoryview:
    """Return the batch as it would be had nobody packed it; its checksum is the packed one's."""
    codec = raw[_CODEC] & _CODEC_BITS
    if codec not in UNPACK:
        raise UnsupportedCodecError(f"codec {codec}")
    head = bytearray(raw[:_HEAD_BYTES])
    head[_CODEC] &= ~_CODEC_BITS
    return memoryview(bytes(head) + UNPACK[codec](bytes(raw[_HEAD_BYTES:])))


class _Records(_MemoryRecordsPy):  # type: ignore[misc]  # final for type checkers; the pin and a test watch it
    """A fetched stretch of a partition, batch by batch."""

    def next_batch(self, *_: Any) -> Any:
        """Return the next batch, or None."""
        raw = self._next_slice
        if raw is None or len(raw) <= _MAGIC or raw[_MAGIC] < _PLAIN_VERSION:
            return super().next_batch()
        self._cache_next()
        return _Batch(raw)


def read_any_batch() -> None:
    """Have every consumer of this process read so. May be called again."""
    fetcher.MemoryRecords = _Records  # type: ignore[attr-defined]  # where aiokafka looks it up
