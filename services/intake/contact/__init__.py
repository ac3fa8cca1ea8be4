"""How a person is reached, for the coach who holds their plan; who holds which; who asked."""
