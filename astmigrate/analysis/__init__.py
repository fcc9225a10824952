"""Reads source: what each name means, what each value is, which classes are modules, where torch is used."""
