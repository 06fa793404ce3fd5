#!lua
-- PARK: a reply waits below the root of its thread, or the root is known: never neither. ADMIT and BIND make a root
-- known in one step, so what was parked before it is found by whoever looks after it. A post is kept once: what is
-- there already, edited or taken back meanwhile, stays. Safe to repeat.
-- KEYS 1 root's at:, 2 parked   ARGV 1 message id, 2 record, 3 most replies, 4 ttl s
if redis.call('EXISTS', KEYS[1]) == 1 then return 'known' end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 'parked' end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 'parked'
