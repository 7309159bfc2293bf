"""Where authors write, one screen a file."""
