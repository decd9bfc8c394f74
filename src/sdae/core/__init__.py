"""What everything else stands on; it knows nothing above it."""
