"""The pure core of coaching: what a plan may do next, and what it looks like afterwards."""
