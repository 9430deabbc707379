"""What the files of a project mean to each other: imports, names that are handed on, patches."""
