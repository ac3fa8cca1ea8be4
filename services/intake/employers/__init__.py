"""The employers of Working Well in work: their tables, routes, report. No patient is in any of it."""
