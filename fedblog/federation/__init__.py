"""Talks to other servers: the one guarded client, keys, objects, the inbox, publishing and delivery."""
