"""Pathway: the services of a work-and-health programme and the kernel that they run on."""
