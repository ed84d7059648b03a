"""One stage each: no decisions, one log line."""
