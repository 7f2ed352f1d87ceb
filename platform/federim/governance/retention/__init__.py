"""How long what was collected is kept: datasets are reviewed, and what is too old goes."""
