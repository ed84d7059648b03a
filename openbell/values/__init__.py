"""The vocabulary: frozen values that everything else is written in."""
