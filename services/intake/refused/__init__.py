"""Safety tasks of what intake refuses: a positive item is kept before the sender is told."""
