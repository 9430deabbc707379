"""Where a legacy name is used, and every way that the objects go which are made there."""
