"""The nouns of Federim: frozen values that import the standard library alone and do no I/O."""
