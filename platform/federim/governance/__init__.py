"""Requests, opinions, decisions and releases: what may leave, and who said so."""

from federim.database import ready

ready()
