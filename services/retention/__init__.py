"""How long things are kept, and what is done when the time is over."""
