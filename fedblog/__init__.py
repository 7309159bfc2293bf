"""fedblog: a blog whose comment section is the fediverse."""

__version__ = "0.1.0"
