#!lua flags=allow-oom
-- BIND: a part of a reply has its one platform message. Refused to an owner of the past, and where the part has another
-- message: the poster then deletes its own. What was refused once stays refused, so that nobody adopts a message that
-- is about to be deleted. Safe to repeat: the same message is bound again.
-- KEYS 1 delivery, 2 reply, 3 at:   ARGV 1 owner, 2 part, 3 message id, 4 conversation, 5 at: ttl s, 6 reply ttl s
local owner = redis.call('HGET', KEYS[1], 'owner')
local field, refused = 'part:' .. ARGV[2], 'refused:' .. ARGV[3]
local bound = redis.call('HGET', KEYS[2], field)
if bound and bound ~= ARGV[3] then return 0 end
if not bound then
  if redis.call('HEXISTS', KEYS[2], refused) == 1 then return 0 end
  redis.call('HSET', KEYS[2], owner == ARGV[1] and field or refused, ARGV[3])
  redis.call('EXPIRE', KEYS[2], ARGV[6])
  if owner ~= ARGV[1] then return 0 end
end
redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5])
return 1
