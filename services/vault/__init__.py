"""The vault: each person's key, and who may no longer be read, used or told apart."""
