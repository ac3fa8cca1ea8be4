"""Both brokers: what tests rely on is what they do."""

import pytest

from services.embedded.broker import PARTITIONS, MockBroker
from tests.parts.kafka import Broker
from tests.parts.kafka_admin import KafkaAdmin, Raw


def test_what_is_produced_is_read_back(mock_broker: MockBroker, kafka: Broker, topic_prefix: str) -> None:
    kafka.create_topics([f"{topic_prefix}a"], partitions=PARTITIONS)
    mock_broker.create_topics([f"{topic_prefix}a"])
    sent = [Raw(f"{topic_prefix}a", b"%d" % n, b"key", 1, {"ce_id": b"x"}, 1_700_000_000_000 + n) for n in range(50)]
    for admin in (KafkaAdmin(mock_broker.bootstrap), kafka):
        admin.produce(sent)
        found = admin.read(f"{topic_prefix}a")
        assert [(r.value, r.key, r.partition, r.headers, r.timestamp) for r in found] == [
            (r.value, r.key, r.partition, r.headers, r.timestamp) for r in sent
        ]
        assert [r.offset for r in found] == list(range(50))


def test_records_survive_a_stop_and_a_kill(own_kafka: Broker, topic_prefix: str) -> None:
    topic, address = f"{topic_prefix}a", own_kafka.bootstrap
    own_kafka.create_topics([topic], partitions=1)
    for number, crash in enumerate((own_kafka.stop, own_kafka.kill9), start=1):
        own_kafka.produce([Raw(topic, b"%d" % number)])
        crash()
        assert not own_kafka.answers(0.2)
        own_kafka.start()
        assert own_kafka.bootstrap == address
        assert [r.value for r in own_kafka.read(topic)] == [b"%d" % n for n in range(1, number + 1)]


def test_a_log_can_be_cut_off_and_replaced(kafka: Broker, topic_prefix: str) -> None:
    topic = f"{topic_prefix}a"
    kafka.create_topics([topic], partitions=1)
    kafka.produce(Raw(topic, b"%d" % n) for n in range(10))
    kafka.cut_off(topic, 0, before=4)
    assert kafka.ends(topic) == {0: (4, 10)}
    kafka.recreate_topics([topic], partitions=1)
    assert kafka.ends(topic) == {0: (0, 0)}


def test_the_node_makes_no_topic_by_itself(kafka: Broker, topic_prefix: str) -> None:
    with pytest.raises(RuntimeError, match="1 records were not sent"):
        kafka.produce([Raw(f"{topic_prefix}misspelt", b"x")], seconds=3.0)
