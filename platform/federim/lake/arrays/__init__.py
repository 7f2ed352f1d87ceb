"""Series as they were decoded for training, kept beside the lake as Zarr so that they are decoded once."""
