"""What users import of training: its events and its records."""
