"""Intake: takes referrals in, keeps who the people are, tells the referrer how a referral stands."""
