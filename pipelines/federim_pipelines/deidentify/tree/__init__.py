"""The stand-alone command: a folder in, the same folder without patients out."""
