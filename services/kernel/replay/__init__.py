"""The audit by replay: the log is folded again by the services' own functions and held against the databases."""
