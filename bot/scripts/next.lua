#!lua flags=allow-oom
-- NEXT: the turn whose reply is to be shown next in a conversation. What is owed no more does not stand in the way.
-- Safe to repeat.
-- KEYS 1 outbox, 2 owed
local head = redis.call('LINDEX', KEYS[1], 0)
while head and not redis.call('ZSCORE', KEYS[2], head) do
  redis.call('LPOP', KEYS[1])
  head = redis.call('LINDEX', KEYS[1], 0)
end
return head
