"""The portrait model: references are copied through the geometry, and what none shows is painted."""
