"""Keep a lake in order: check it, bring its rows together, remove what nobody needs, count what it holds."""
