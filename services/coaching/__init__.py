"""Coaching: the plan of one referral, from triage's recommendation to the end of its outcome window."""
