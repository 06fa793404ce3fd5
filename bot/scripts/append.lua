#!lua flags=allow-oom
-- APPEND: text at an offset of the fence's own text, so a repeat writes the same bytes in the same place.
-- There is room for two texts: a new fence takes that of the shorter one and starts empty, so that the longer one is
-- there to be shown until the new one is longer or final.
-- With the first words goes the intent to post them, for the adapter that sends to the channel now: it need not note it
-- while they wait to be seen.
-- KEYS 1 lease, 2 reply, 3 and 4 the texts, 5 turn
-- ARGV 1 fence, 2 offset in bytes, 3 text, 4 alias, 5 ttl s, 6 hint channel, 7 turn id, 8 what the delivery keys begin with
local l = redis.call('HMGET', KEYS[1], 'token', 'fence')
if not l[1] or l[2] ~= ARGV[1] then return 'lost' end
local r = redis.call('HMGET', KEYS[2], 'fence', 'slot')
local slot = r[2]
if r[1] ~= ARGV[1] then
  slot = redis.call('STRLEN', KEYS[3]) > redis.call('STRLEN', KEYS[4]) and '4' or '3'
  redis.call('UNLINK', KEYS[tonumber(slot)])
  redis.call('HSET', KEYS[2], 'fence', ARGV[1], 'slot', slot, 'alias', ARGV[4], 'phase', 'open')
  local here = ARGV[8] .. (redis.call('HGET', KEYS[5], 'place') or '')
  local d = redis.call('HMGET', here, 'owner', 'heeds', 'expiry', 'fence')
  local t = redis.call('TIME')
  if d[1] and d[1] == d[2] and tonumber(d[3]) > t[1] * 1000 then redis.call('HSETNX', KEYS[2], 'intent:0', d[4]) end
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
local mine = KEYS[tonumber(slot)]
redis.call('SETRANGE', mine, ARGV[2], ARGV[3])
redis.call('EXPIRE', mine, ARGV[5])
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 'held'
