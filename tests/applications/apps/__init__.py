"""What is mounted; each module is imported by ``--app-dir``, as in a project of its own."""
