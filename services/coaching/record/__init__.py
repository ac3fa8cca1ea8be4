"""What was recorded of a plan over time: work, fit notes, barriers, bookings, adjustments, employers, reviews."""
