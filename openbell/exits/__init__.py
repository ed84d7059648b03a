"""When a position is closed, whatever its strategy says: rules over all positions at once."""
