#!lua flags=allow-oom
-- RING: a bell in Celery's list, although Redis is full, since that is how it is emptied. Safe to repeat: a bell that
-- still lies on top is not put there again, and one more does no harm.
-- KEYS 1 the list   ARGV 1 the bell
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then redis.call('LPUSH', KEYS[1], ARGV[1]) end
