"""Pull what a KOS manifest names from the DRIMbox of the hospital that keeps it."""
