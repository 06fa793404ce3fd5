#!lua flags=allow-oom
-- DRAW: what a platform allows several processes together is one bucket of tokens. None of them is given out twice, and
-- what is not final leaves enough for the last requests that all of them have promised, now or with the next refill.
-- Kept is the moment at which the bucket is full again. Each process knows one too, for what it sent while it was alone,
-- or while this key was lost: the later one holds. Promises count as long as who made them does.
-- Safe to repeat: what is told is set, and a token that is drawn a second time is used by nobody.
-- KEYS 1 bucket, 2 who shares it
-- ARGV 1 holder, 2 how long it counts ms, 3 ms until the bucket is full as far as it knows, 4 promised by it,
--      5 wanted: a token for what is 'final' or 'growing', room for the last 'promise', or '' (only tells),
--      6 ms between two tokens, 7 tokens when full
-- Answers whether that was given, ms until the bucket is full, promised by others, how many share it.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
redis.call('EXPIRE', KEYS[2], 3600)
local every, burst = tonumber(ARGV[6]), tonumber(ARGV[7])
local full, others = now + tonumber(ARGV[3]), 0
local known = redis.call('HGETALL', KEYS[1])
for at = 1, #known, 2 do
  if known[at] == 'full' then
    full = math.max(full, tonumber(known[at + 1]))
  elseif known[at] ~= ARGV[1] then
    if redis.call('ZSCORE', KEYS[2], known[at]) then
      others = others + tonumber(known[at + 1])
    else
      redis.call('HDEL', KEYS[1], known[at])
    end
  end
end
full = math.min(full, now + every * burst)  -- where the clock was set back
local left = burst - math.ceil((full - now) / every)
local promised, wanted, given = tonumber(ARGV[4]), ARGV[5], false
local owed = others + promised
local least = math.min(owed, math.floor((burst + 1) / 2), burst - 1)
if wanted == 'promise' then
  given = left + 1 > owed
  if not given then promised = promised - 1 end
elseif wanted ~= '' then
  given = left > 0 and (wanted == 'final' or left > least and left + 1 > owed)
  if given then full = full + every end
end
redis.call('HSET', KEYS[1], 'full', full, ARGV[1], promised)
redis.call('PEXPIRE', KEYS[1], every * burst + tonumber(ARGV[2]))
return {given and 1 or 0, full - now, others, redis.call('ZCARD', KEYS[2])}
