"""The published language: event models, code lists, identifiers, red flags, and the registry of it all."""
