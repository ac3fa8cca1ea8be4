"""Consents as facts over time: given, withdrawn, and what was allowed when."""
