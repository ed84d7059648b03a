"""Venues behind one port; each module or package here is one venue, found by its name in a plan."""
