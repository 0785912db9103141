"""Named experiments: claims, arms that must differ, bars that decide."""
