"""Inputs that nobody would write, from one seed: the inbox and the signature parsers may refuse them, never break."""
