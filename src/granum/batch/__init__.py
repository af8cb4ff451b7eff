"""Stage `batch`."""
