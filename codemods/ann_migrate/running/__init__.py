"""From paths to verdicts: each file analysed, and those together that objects go between."""
