"""What every process shares: values, rules, settings, the catalog, the state in Redis and the door to the queue."""
