"""What names mean within a file: its scopes, and every binding of every variable."""
