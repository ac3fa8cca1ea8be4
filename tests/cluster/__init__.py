"""The overlays on a real Kubernetes: a node made from source where none can be had, and the tests that run on one."""
