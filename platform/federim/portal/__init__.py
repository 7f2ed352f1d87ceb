"""The hub's web pages: what each role sees of requests, votes, plans and the register."""
