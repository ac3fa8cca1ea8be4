"""What an operator does by hand: dead letters, a stopped consumer, the outbox, a restored database.

Each change is a dry run until it is told to apply, and leaves a row in ``operator_action``.
"""
