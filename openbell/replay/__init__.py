"""What a plan would have done: its own schedule, window, strategies, gate, exits and paper fills over history."""
