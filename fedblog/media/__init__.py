"""Pictures: taking authors' uploads apart and making them anew, and the files that this leaves."""
