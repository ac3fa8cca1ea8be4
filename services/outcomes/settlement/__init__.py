"""Settlement: closing a month, statements on their way to payment, payment files, claims, audits, forecasts."""
