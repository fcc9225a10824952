"""Decides what is rewritten: each site of a file becomes edits and a finding. Nothing else does."""
