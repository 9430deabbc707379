"""What a run tells people, programs, code hosts and editors; and the catalogue of the codes."""
