"""Runs a model in torch and its migration in MindSpore, each in a process of its own.

``torch_side`` and ``mindspore_side`` are those processes; ``values`` is what both share and imports
neither framework.
"""
