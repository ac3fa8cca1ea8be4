"""The pathway command."""

def main() -> None:
    """Entry point."""
