"""The client track: list what a leaver owns, propose who takes it, ask, move it, and count again."""
