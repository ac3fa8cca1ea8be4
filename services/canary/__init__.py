"""The canary: a synthetic referral, played end to end through the APIs as its referrer and its coach would."""
