"""The language, pure: strict JSON in, typed vocabulary, and back out again."""
