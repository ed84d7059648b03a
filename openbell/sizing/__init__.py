"""How much a full position is; one sizer, one file, named after the file."""
