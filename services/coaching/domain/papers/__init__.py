"""What is handed on paper to the person, their GP and their employer: who may have it, and what it holds."""
