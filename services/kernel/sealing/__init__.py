"""Content sealed under a key of the subject it is about, so that destroying one key erases one subject."""
