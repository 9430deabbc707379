"""What migrated code may import to keep files, console and history as ``TrainingLoop`` left them."""
