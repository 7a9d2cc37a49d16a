"""Measures drawn portraits against rendered truth, by a face tracker, and by a face recognizer."""
