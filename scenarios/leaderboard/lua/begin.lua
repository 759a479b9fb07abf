-- Begins a rebuild. From here on improvements are counted again, and an older
-- rebuild is fenced off.
--
-- KEYS  players, ahead
-- ARGV  token
redis.call('HSET', KEYS[1], ':state', 'building:' .. ARGV[1], ':through', '0', ':accepted', '0', ':gap', '0')
redis.call('DEL', KEYS[2])
return 1
