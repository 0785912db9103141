"""Training runs in processes of their own: one process is one run, many run side by side."""
