"""The durable runtime that every service runs on; it knows nothing of the domain it carries."""
