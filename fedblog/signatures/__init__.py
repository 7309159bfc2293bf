"""The seals, pure: HTTP signatures (draft-cavage-12, RFC 9421), digests, keys and object proofs (FEP-8b32)."""
