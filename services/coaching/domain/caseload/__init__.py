"""Coaches and their work lists: pure functions on one coach, and on what is known of plans as of a day."""
