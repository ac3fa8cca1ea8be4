"""Test infrastructure shared by all categories."""
