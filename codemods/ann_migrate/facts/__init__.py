"""What can be said of the values around an object: its arguments, its config, its model, and who reads it."""
