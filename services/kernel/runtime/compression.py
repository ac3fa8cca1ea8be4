"""Unpacks what a producer packed, to a limit.

Nobody of ours packs, but whoever may write to a topic, or configures it, can. aiokafka unpacks whatever it is
given, and 32 KB of zstd can hold a gigabyte: such a batch would end every worker that reads it, again and again.
"""

import zlib
from collections.abc import Callable, Iterator

import cramjam

MOST_BYTES = 16 * 1024 * 1024
"""Of one batch, unpacked. The topics of the catalogue take 160 KiB at once, so ours never come near."""
FIRST_BYTES = 64 * 1024
GROWTH = 16

GZIP_MEMBER = b"\x1f\x8b"
XERIAL = b"\x82SNAPPY\x00"
XERIAL_HEADER_BYTES = 16


class CannotUnpack(Exception):
    """These bytes are not what they say they are, or too many."""


def unpack_gzip(packed: bytes) -> bytes:
    """Unpack one stream after another. What follows the last is passed over: brokers and other readers do so."""
    found = bytearray()
    while True:
        stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            found += stream.decompress(packed, MOST_BYTES + 1 - len(found))
        except zlib.error as error:
            raise CannotUnpack(str(error)) from error
        if len(found) > MOST_BYTES:
            raise CannotUnpack(f"unpacks to more than {MOST_BYTES} bytes")
        if not stream.eof:
            raise CannotUnpack("ends in the middle")
        packed = stream.unused_data
        if not packed.startswith(GZIP_MEMBER):
            return bytes(found)


def unpack_snappy(packed: bytes) -> bytes:
    """Unpack one block, or the blocks of the framing that Java writes."""
    blocks = list(_xerial_blocks(packed)) if packed.startswith(XERIAL) else [packed]
    try:
        if sum(map(cramjam.snappy.decompress_raw_len, blocks)) > MOST_BYTES:
            raise CannotUnpack(f"unpacks to more than {MOST_BYTES} bytes")
        return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)
    except cramjam.DecompressionError as error:
        raise CannotUnpack(str(error)) from error


def _xerial_blocks(packed: bytes) -> Iterator[bytes]:
    """Yield the blocks, each behind its length in four bytes."""
    place = XERIAL_HEADER_BYTES
    while place < len(packed):
        end = place + 4 + int.from_bytes(packed[place : place + 4])
        if end > len(packed):
            raise CannotUnpack("ends in the middle")
        yield packed[place + 4 : end]
        place = end


def _unpack_into(unpack: Callable[[bytes, bytearray], int], packed: bytes) -> bytes:
    """Unpack into room that grows to the limit: neither format has to say beforehand how much it holds."""
    size = FIRST_BYTES
    while True:
        room = bytearray(size)
        try:
            return bytes(memoryview(room)[: unpack(packed, room)])
        except cramjam.DecompressionError as error:
            if size >= MOST_BYTES:
                raise CannotUnpack(f"{error}, in {MOST_BYTES} bytes") from error
        size *= GROWTH


def unpack_lz4(packed: bytes) -> bytes:
    """Unpack a frame."""
    return _unpack_into(cramjam.lz4.decompress_into, packed)


def unpack_zstd(packed: bytes) -> bytes:
    """Unpack frames."""
    return _unpack_into(cramjam.zstd.decompress_into, packed)


UNPACK: dict[int, Callable[[bytes], bytes]] = {1: unpack_gzip, 2: unpack_snappy, 3: unpack_lz4, 4: unpack_zstd}
"""By the number that a batch's attributes hold; 0 is plain."""
