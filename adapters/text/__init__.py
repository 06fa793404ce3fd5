"""Model text becomes the messages that a platform may be given; pure functions, shared by all platforms."""
