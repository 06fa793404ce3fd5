#!lua flags=allow-oom
-- OWN: one adapter at a time sends to a platform channel. Answers its fence, or 0 while another one owns it.
-- Safe to repeat: the owner gets its fence again, only for longer. What an owner `heeds` is an intent under its fence.
-- KEYS 1 delivery   ARGV 1 owner, 2 lease ms (0 gives it up)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local d = redis.call('HMGET', KEYS[1], 'owner', 'expiry', 'fence')
local mine = d[1] == ARGV[1]
if ARGV[2] == '0' then
  if mine then redis.call('HSET', KEYS[1], 'expiry', 0) end
  return 0
end
if d[1] and not mine and tonumber(d[2]) > now then return 0 end
local fence = tonumber(d[3]) or 0
if not mine then fence = math.max(fence + 1, now) end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'heeds', ARGV[1], 'expiry', now + tonumber(ARGV[2]), 'fence', fence)
redis.call('EXPIRE', KEYS[1], 86400)
return fence
