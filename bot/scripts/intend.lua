#!lua flags=allow-oom
-- INTEND: a part of a reply is about to be posted. 0: somebody was about to before, or this is a repeat: look first.
-- KEYS 1 reply   ARGV 1 part, 2 ttl s
local first = redis.call('HSETNX', KEYS[1], 'intent:' .. ARGV[1], '1')
redis.call('EXPIRE', KEYS[1], ARGV[2])
return first
