"""Why a decision came about, in plain English, for three readers. Everything is read from one trace."""
