"""Codes and units: what a source says, what it means, and what it can be converted to."""
