"""A domain of its own, with no word of health in it, that shows what the kernel does by itself."""
