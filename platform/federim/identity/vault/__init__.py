"""The vault: identities, kept apart and encrypted. Nothing outside `federim.identity` imports it."""
