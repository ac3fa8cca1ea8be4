"""Reads records whose header names are not UTF-8, which aiokafka cannot.

Names of headers are bytes on the wire, and clients in other languages write what they are given. aiokafka
raises where it meets such a name, drops what it had decoded before it, and would do so for ever: one
record would stop a partition. Here the batch is read again with the name's odd bytes escaped, so that the
record reaches the kernel and is judged there.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

_PLAIN_VERSION = 2
_MAGIC = 16
"""Where a batch says which version of the format it is in."""


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
        self._maybe_uncompress()
        self._buffer = _Escaping(self._buffer)
        return self


class _Batch:
    """aiokafka's own batch; where it gives up over a name, the rest is read by the slow one."""

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw
        self._fast: Any = DefaultRecordBatch(raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._fast:
                read += 1
                yield record
        except UnicodeDecodeError:
            for number, record in enumerate(_SlowBatch(self._raw)):
                if number >= read:
                    yield record


class _Records(_MemoryRecordsPy):  # type: ignore[misc]  # final for type checkers; the pin and a test watch it
    """A fetched stretch of a partition, batch by batch."""

    def next_batch(self, *_: Any) -> Any:
        """Return the next batch, or None."""
        raw = self._next_slice
        if raw is None or len(raw) <= _MAGIC or raw[_MAGIC] < _PLAIN_VERSION:
            return super().next_batch()
        self._cache_next()
        return _Batch(raw)


def read_any_header_name() -> None:
    """Have every consumer of this process read so. May be called again."""
    fetcher.MemoryRecords = _Records  # type: ignore[attr-defined]  # where aiokafka looks it up
