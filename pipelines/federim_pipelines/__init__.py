"""From a hospital's files and records to rows and de-identified objects in its lake."""
