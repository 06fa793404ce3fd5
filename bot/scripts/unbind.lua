#!lua flags=allow-oom
-- UNBIND: a message shows this part no more, and leads to its conversation no more. Nothing happens where another one
-- shows the part by now. Safe to repeat.
-- KEYS 1 reply, 2 at:   ARGV 1 part, 2 message id
local field = 'part:' .. ARGV[1]
if redis.call('HGET', KEYS[1], field) == ARGV[2] then redis.call('HDEL', KEYS[1], field) end
redis.call('DEL', KEYS[2])
return 1
