"""Stage `separate`."""
