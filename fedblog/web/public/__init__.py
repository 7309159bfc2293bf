"""What everybody may read, one screen a file."""
