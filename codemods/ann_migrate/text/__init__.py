"""What a file says: its text and its syntax tree, and edits that leave every other byte alone."""
