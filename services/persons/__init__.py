"""People across all services: who a number is, what is held of them everywhere, what is done with them."""
