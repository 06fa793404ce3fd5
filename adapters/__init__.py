"""One package per chat platform: events become messages, replies become platform calls."""
