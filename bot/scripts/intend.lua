#!lua flags=allow-oom
-- INTEND: a part of a reply is about to be posted. 0: somebody was about to before, or this is a repeat: look first.
-- APPEND notes the same of the first part, for the owner of a channel, whose fence is its value.
-- KEYS 1 reply   ARGV 1 part, 2 ttl s
local first = redis.call('HSETNX', KEYS[1], 'intent:' .. ARGV[1], '1')
redis.call('EXPIRE', KEYS[1], ARGV[2])
return first
