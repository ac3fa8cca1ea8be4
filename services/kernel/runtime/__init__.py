"""The durable runtime: batch transaction, commands, outbox relay, consumers."""
