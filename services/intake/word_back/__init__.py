"""Word back to the referrer within two working days: who is owed one, and what is overdue."""
