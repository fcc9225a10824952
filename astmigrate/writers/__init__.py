"""The only code that writes: migrated files, reports, diffs, the summary on the terminal."""
