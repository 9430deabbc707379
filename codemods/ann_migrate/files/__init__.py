"""Files found, read and replaced, so that none is ever lost."""
