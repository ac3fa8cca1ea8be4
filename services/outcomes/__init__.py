"""Payment by engagement: what a provider has earned, the ledger behind it and the statements read from it."""
