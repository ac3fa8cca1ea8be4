"""Money as pure functions: what a fact earns, what an entry posts, what a statement says."""
