"""What follows when a person exercises a right: erasure everywhere in the home, and word to who must know."""
