"""What a policy says of itself, in the languages a committee reads."""
