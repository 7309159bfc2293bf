"""In and out without lock-in: our own archive, WordPress' WXR, folders of Markdown, Mastodon's CSV lists (LIFE-01)."""
