"""How good the drawn portraits are: against the renderer's truth, a face tracker's reading, and a face recogniser."""
