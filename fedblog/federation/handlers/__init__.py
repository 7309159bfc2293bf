"""One act a file: what each incoming activity does."""
