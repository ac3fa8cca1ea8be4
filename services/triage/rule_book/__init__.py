"""The published rule book: rule files and their cases as a page that a clinician can read."""
