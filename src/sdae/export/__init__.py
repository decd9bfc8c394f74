"""What users import of exports."""
