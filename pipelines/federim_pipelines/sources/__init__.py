"""Where input comes from: one file a kind of source; `batches.READERS` names their readers."""
