"""What is known of a person outside the lake: found, and removed, when they object to research."""
