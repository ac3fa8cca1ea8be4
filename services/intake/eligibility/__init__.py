"""A named person decides on eligibility, the person contests, facts are corrected."""
