"""Pages to print and letters to send: words, templates, the queue, HTTP and commands."""
