"""Read HL7 v2 messages: results, documents, and who is a patient and when they stayed."""
