"""The kernel's own tables, in every service's database, and the runner that migrates them."""
