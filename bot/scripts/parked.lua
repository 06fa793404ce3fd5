#!lua flags=allow-oom
-- PARKED: the replies that wait below a root, if it is known.
-- KEYS 1 at: of the root, 2 parked replies
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
return redis.call('HGETALL', KEYS[2])
