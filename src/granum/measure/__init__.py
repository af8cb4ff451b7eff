"""Stage `measure`."""
