"""Measures, in one run and interleaved, what each stage does a second and what an event costs."""
