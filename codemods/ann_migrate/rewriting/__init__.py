"""From sites to edits: the plan for an object, the calls and imports of the new code, and its check."""
