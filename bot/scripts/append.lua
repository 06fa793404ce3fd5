#!lua flags=allow-oom
-- APPEND: text at an offset of the fence's own text, so a repeat writes the same bytes in the same place.
-- A new fence starts an empty text; of the older ones the longest stays named until the new one is longer or final.
-- KEYS 1 lease, 2 reply, 3 text of this fence
-- ARGV 1 fence, 2 offset in bytes, 3 text, 4 alias, 5 ttl s, 6 hint channel, 7 turn id
local l = redis.call('HMGET', KEYS[1], 'token', 'fence')
if not l[1] or l[2] ~= ARGV[1] then return 'lost' end
local r = redis.call('HMGET', KEYS[2], 'fence', 'old')
if r[1] ~= ARGV[1] then
  local texts = string.sub(KEYS[3], 1, -#ARGV[1] - 1)
  local longest, shorter = r[1], r[2]
  if longest and shorter and
      redis.call('STRLEN', texts .. shorter) > redis.call('STRLEN', texts .. longest) then
    longest, shorter = shorter, longest
  end
  if longest then redis.call('HSET', KEYS[2], 'old', longest) end
  if shorter then redis.call('UNLINK', texts .. shorter) end
  redis.call('HSET', KEYS[2], 'fence', ARGV[1], 'alias', ARGV[4], 'phase', 'open')
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
redis.call('SETRANGE', KEYS[3], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[5])
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 'held'
