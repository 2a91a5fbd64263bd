"""Worker processes: who they are, whether they live."""
