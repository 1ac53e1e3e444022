"""Trains Firebreak's models. Features come from the TypeScript extractors; nothing is extracted here."""
