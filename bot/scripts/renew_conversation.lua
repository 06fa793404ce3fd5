#!lua flags=allow-oom
-- A conversation begins anew: its epoch changes, so what it held is no longer read and ends by its TTL.
-- Safe to repeat: the same request changes it once.
-- KEYS 1 epoch   ARGV 1 request id, 2 ttl s
if redis.call('HGET', KEYS[1], 'request') ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'request', ARGV[1], 'epoch', ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HGET', KEYS[1], 'epoch')
