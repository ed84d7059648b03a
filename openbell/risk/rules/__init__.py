"""One rule, one file; the file's name is the rule's name in a plan."""
