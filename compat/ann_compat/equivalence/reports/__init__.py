"""What a run found, in the forms that people and their tools read: text, JUnit, JSON, Markdown, GitHub, HTML."""
