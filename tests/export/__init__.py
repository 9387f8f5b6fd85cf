"""What the export writes, read back without running it."""
