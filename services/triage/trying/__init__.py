"""Trying a rule file before it is live: what would change, and how it decides beside the live one."""
