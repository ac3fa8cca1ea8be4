"""Real parts embedded for the demo and the tests: PostgreSQL, an in-memory broker, a process supervisor.

Nothing in the kernel or in a service imports this package: production brings its own parts.
"""
