#!lua flags=allow-oom
-- ADOPT: the messages that show an answer show the one that takes its place. Once: what is unbound after that stays so.
-- KEYS 1 reply, 2 the earlier one   ARGV 1 reply's ttl s, 2 in the place of the id of a message that cannot be edited
if redis.call('HSETNX', KEYS[1], 'adopted', '1') == 0 then return 0 end
local fields = redis.call('HGETALL', KEYS[2])
for i = 1, #fields, 2 do
  if fields[i]:sub(1, 5) == 'part:' and fields[i + 1] ~= ARGV[2] then
    redis.call('HSET', KEYS[1], fields[i], fields[i + 1])
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
