"""The demo: synthetic people, what their coaches do, and a run of the whole system on embedded parts.

Nothing here is imported by the kernel or a service; the demo speaks to them over HTTP and Kafka only.
"""
