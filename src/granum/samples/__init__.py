"""Stage `samples`."""
