"""Triage: what a person may need first, recommended by published rules and held when a person must look."""
