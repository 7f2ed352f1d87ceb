"""`federim demo`: three synthetic hospitals, and the whole job from raw files to a verified export."""
