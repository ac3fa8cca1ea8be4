"""Caseloads outside the pure core: tables, places, work lists as of a day, HTTP and commands."""
