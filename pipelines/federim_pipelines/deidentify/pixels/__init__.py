"""Words and faces in images: where they are looked for, found and blanked."""
