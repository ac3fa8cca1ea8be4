"""Safety tasks as they rest, are listed, counted and alerted on: once, for every service that keeps some."""
