"""Who did what, when: an append-only, hash-chained trail in the same transaction as the act."""

from federim.database import ready

ready()
