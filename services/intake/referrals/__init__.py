"""Referrals in, one or many; how they stand, one or many; what a route requires."""
