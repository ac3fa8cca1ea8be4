"""What was sent, held against what was consumed: the log, every outbox and every reader's places, at one moment."""
