"""Intake's pure core: what may be referred, what follows from it, how a referral stands."""
