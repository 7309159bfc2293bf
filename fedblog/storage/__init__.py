"""What is kept. SQL lives only here, inside the function that runs it."""
