"""What waits for the key server: pieces of input, encrypted, with all it takes to read them again."""
