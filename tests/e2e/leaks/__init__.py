"""The leak test: words that turn up nowhere by chance, put wherever a person's data can be, and then looked for."""
