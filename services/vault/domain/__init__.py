"""What may be done with a person's key and identity: pure, no clock, no I/O."""
