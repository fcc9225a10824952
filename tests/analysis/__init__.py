"""What analysis makes of names, values and classes, tested before any rewriting, on tables of its own."""
