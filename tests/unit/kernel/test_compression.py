"""Packed bytes come out as they went in; what is damaged, or too much, is said and not swallowed."""

import contextlib
import gzip
from collections.abc import Callable

import cramjam
import pytest
from aiokafka.codec import snappy_encode
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.runtime import compression
from services.kernel.runtime.compression import UNPACK, CannotUnpack, unpack_gzip

Pack = Callable[[bytes], bytes]
PACK: dict[str, tuple[int, Pack]] = {
    "gzip": (1, gzip.compress),
    "snappy": (2, lambda plain: bytes(cramjam.snappy.compress_raw(plain))),
    "snappy as Java frames it": (2, snappy_encode),
    "lz4": (3, lambda plain: bytes(cramjam.lz4.compress(plain))),
    "zstd": (4, lambda plain: bytes(cramjam.zstd.compress(plain))),
}
CODECS = pytest.mark.parametrize(("number", "pack"), PACK.values(), ids=PACK)


@CODECS
@given(plain=st.binary(max_size=500), times=st.sampled_from([1, 200, 2000]))
def test_what_was_packed_comes_out(number: int, pack: Pack, plain: bytes, times: int) -> None:
    assert UNPACK[number](pack(plain * times)) == plain * times


@CODECS
def test_as_much_as_the_limit_comes_out_and_no_more(number: int, pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "MOST_BYTES", most := 16 * compression.FIRST_BYTES)
    assert UNPACK[number](pack(bytes(most))) == bytes(most)
    with pytest.raises(CannotUnpack):
        UNPACK[number](pack(bytes(most + 1)))


@CODECS
def test_a_gigabyte_is_refused_without_being_made(number: int, pack: Pack) -> None:
    megabyte = 1 << 20
    if number == 1:  # streams one behind the other, as many as one likes
        packed = pack(bytes(megabyte)) * 1024
    elif number == 2:
        packed = b"\x80\x80\x80\x80\x04" + bytes(100)  # says that it holds a gigabyte
    else:
        packed = pack(bytes(64 * megabyte))
    with pytest.raises(CannotUnpack):
        UNPACK[number](packed)


@CODECS
@given(found=st.data())
def test_nothing_else_is_raised_whatever_the_bytes(number: int, pack: Pack, found: st.DataObject) -> None:
    packed = bytearray(pack(found.draw(st.binary(max_size=300))))
    cut = found.draw(st.integers(0, len(packed)))
    damaged = bytes(packed[:cut]) + found.draw(st.binary(max_size=30))
    with contextlib.suppress(CannotUnpack):
        UNPACK[number](damaged)


@pytest.mark.parametrize("name", PACK)
def test_the_end_of_packed_bytes_is_missed(name: str) -> None:
    number, pack = PACK[name]
    with pytest.raises(CannotUnpack):
        UNPACK[number](pack(b"something" * 100)[:-3])


def test_several_streams_of_gzip_are_one_and_what_follows_the_last_is_passed_over() -> None:
    assert unpack_gzip(gzip.compress(b"a") + gzip.compress(b"b") + b"garbage") == b"ab"
