"""Whose signatures a home believes, as what, since when and until when."""
