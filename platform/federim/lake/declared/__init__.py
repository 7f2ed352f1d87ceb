"""The lake's tables, a file for each kind of thing they hold."""
