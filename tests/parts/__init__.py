"""The parts that tests run on, beside the embedded ones: Apache Kafka."""
