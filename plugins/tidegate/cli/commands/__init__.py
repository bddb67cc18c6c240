"""What a person can ask ``tidegate`` for: one command a module, each a function that reads, calls what is below, and prints."""
