"""Stage `preprocess`."""
