"""Requests, opinions, decisions and releases: what may leave, and who said so."""
