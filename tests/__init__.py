"""Tests; `make fixtures` regenerates what the text pairs hold."""
