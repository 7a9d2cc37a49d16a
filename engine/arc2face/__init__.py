"""Photoreal characters: the published Arc2Face weights, which a user brings, on diffusers, transformers and peft.

Nothing imports this package by name: `omote.engine.model.kinds` finds it, and Omote runs without this folder.
"""
