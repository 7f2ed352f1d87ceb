"""`federim demo`: three synthetic hospitals, and the whole job on them from raw files to a verified export."""
