"""Telling authors what happened: in the studio, by mail, by ntfy, by their browsers."""
