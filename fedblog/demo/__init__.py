"""`fedblog demo`: a throw-away blog and a small simulated fediverse."""
