-- Begins a rebuild. From here on improvements are counted again, and an older
-- rebuild is fenced off.
--
-- KEYS  view, ahead
-- ARGV  token
redis.call('HSET', KEYS[1], 'state', 'building:' .. ARGV[1], 'through', '0', 'accepted', '0')
redis.call('DEL', KEYS[2])
return 1
