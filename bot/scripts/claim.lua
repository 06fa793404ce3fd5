#!lua flags=allow-oom
-- CLAIM: one holder for each conversation. The head of the inbox stays there until COMMIT.
-- A stop flag outlives the holder that it was meant for. Answers all that an answer is made of, of the same moment: the
-- turn's record, the conversation's log with what its entries cost, and whether somebody held this head before.
-- Safe to repeat: the same claim token gets the same grant.
-- KEYS 1 inbox, 2 lease, 3 due, 4 fetching
-- ARGV 1 conversation, 2 claim token, 3 lease ms, 4 lease ttl s, then those of seats
--@ seats
local function whole(key) return redis.pcall('LRANGE', key, 0, -1) end -- no list: it fails the answer, not the claim
local function granted(head, ...)
  local key = PREFIX .. 'turn:' .. head
  local life = ':' .. ARGV[1] .. ':' .. (redis.call('HGET', key, 'epoch') or '0')
  local log, costs = whole(PREFIX .. 'log' .. life), whole(PREFIX .. 'cost' .. life)
  return {'granted', redis.call('HGETALL', key), log, costs, head, ...}
end
local l = redis.call('HMGET', KEYS[2], 'token', 'expiry', 'fence', 'head', 'attempts', 'stop', 'resumed')
if l[1] and tonumber(l[2]) > now then
  if l[1] == ARGV[2] then return granted(l[4], l[3], l[5], l[6] or '', l[7] or '') end
  redis.call('ZADD', KEYS[3], l[2], ARGV[1])
  return {'busy'}
end
local head = redis.call('LINDEX', KEYS[1], 0)
if not head then
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('HDEL', KEYS[2], 'token', 'expiry', 'stop')
  return {'empty'}
end
local wait = redis.call('ZSCORE', KEYS[4], head)
if wait and tonumber(wait) > now then
  seat(ARGV[1], wait)
  return {'fetching'}
end
local expiry = now + tonumber(ARGV[3])
if not seat(ARGV[1], expiry) then return {'aside'} end
if wait then redis.call('ZREM', KEYS[4], head) end
local attempts, resumed = 1, ''
if l[4] == head then attempts, resumed = tonumber(l[5]) + 1, '1' end
local fence = math.max((tonumber(l[3]) or 0) + 1, now)
redis.call('HSET', KEYS[2], 'token', ARGV[2], 'expiry', expiry, 'fence', fence, 'head', head, 'attempts', attempts,
  'resumed', resumed)
local stop = l[6] == head and head or ''
if stop == '' then redis.call('HDEL', KEYS[2], 'stop') end
redis.call('EXPIRE', KEYS[2], ARGV[4])
return granted(head, fence, attempts, stop, resumed)
