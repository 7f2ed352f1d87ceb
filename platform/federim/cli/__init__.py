"""The `federim` command: one file a noun; heavy imports happen inside the commands that need them."""
