"""Rate cards for people: files to copy, a check of them, and what one participant's history earned and why."""
