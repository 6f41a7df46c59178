"""Pictures without a library: SVG as text, in light and dark."""
