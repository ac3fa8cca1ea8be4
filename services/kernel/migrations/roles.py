"""Roles belong to the cluster and outlive a database: each migration makes those that are missing."""

CREATE_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE "{role}" LOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
"""Makes ``role`` unless it is there, also when another migration makes it in the same moment."""
