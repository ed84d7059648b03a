"""One exit rule a file."""
