#!lua flags=allow-oom
-- BAR: an event was refused: its mark names the turn that was admitted all the same, or is taken, so that an admission
-- that is still on its way changes nothing. Safe to repeat.
-- KEYS 1 mark   ARGV 1 what stands in the place of a turn, 2 ttl s
local seen = redis.call('GET', KEYS[1])
if not seen then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return seen
