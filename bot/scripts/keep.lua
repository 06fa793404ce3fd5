#!lua flags=allow-oom
-- KEEP: what was noted first under a name stays. Answers it, or nothing where this is the first. Safe to repeat: the
-- first one then finds its own words.
-- KEYS 1 name   ARGV 1 words, 2 ttl s
local first = redis.call('GET', KEYS[1])
if not first then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return first
