"""Text that people type: what is removed from it, and the words that may stay."""
