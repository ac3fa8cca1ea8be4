"""Referrals from a file of columns, sent to intake's batch route: a client of the API like any other."""
