"""Turns edits into new source; the only place that changes bytes."""
