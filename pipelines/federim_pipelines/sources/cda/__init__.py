"""Read CDA R2 documents: reports of laboratories, of imaging and of multidisciplinary meetings."""
