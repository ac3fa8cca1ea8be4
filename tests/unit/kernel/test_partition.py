"""Which partition a key belongs to: what every other Kafka client says."""

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.runtime.partition import murmur2, partition_of


@given(st.binary(max_size=200))
def test_the_hash_is_aiokafka_s(data: bytes) -> None:
    assert murmur2(data) == theirs(data) & 0xFFFFFFFF


@given(st.text(max_size=64), st.integers(1, 50))
def test_the_partition_is_the_default_partitioner_s(key: str, partitions: int) -> None:
    everywhere = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key.encode(), everywhere, everywhere)


def test_known_hashes_of_the_java_client() -> None:
    """From the tests of Kafka's own ``Utils.murmur2``."""
    known = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "abc": 479470107}
    assert {text: murmur2(text.encode()) for text in known} == {t: n & 0xFFFFFFFF for t, n in known.items()}
