"""Look for good settings, on seeds that no claim is reported on."""
