"""The vault and its only door: who a pseudonym stands for, kept where nobody else looks."""
