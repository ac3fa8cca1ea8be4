"""Who a referral is about: recognised, locked, compared with others, merged, erased, kept."""
