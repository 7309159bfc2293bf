"""The aiohttp application: pages, the studio and the ActivityPub endpoints."""
