"""What the command does beside rewriting: settings, explanations, proof by execution, tests."""
