"""What is done to each attribute: the Standard's table, the options, the files, and how they are told."""
