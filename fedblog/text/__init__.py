"""Text, pure: Markdown to HTML, the two sanitisers, excerpts, slugs."""
