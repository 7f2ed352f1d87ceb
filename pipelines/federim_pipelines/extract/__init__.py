"""From clean objects and records to rows of the lake."""
