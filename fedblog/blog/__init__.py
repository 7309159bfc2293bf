"""The domain, pure: ids and records, thread order, who may see what, and policy."""
