#!lua flags=allow-oom
-- RECALL: the whole log of a conversation and what its entries cost, of the same moment.
-- KEYS 1 log, 2 costs of the log
return {redis.call('LRANGE', KEYS[1], 0, -1), redis.call('LRANGE', KEYS[2], 0, -1)}
