-- Reads the top of the board, unless nothing changed since the caller looked.
--
-- KEYS  rank, players
-- ARGV  through as the caller knows it, how many
--
-- Returns state, through, accepted, then for each player: id, weight, name.
local held = redis.call('HMGET', KEYS[2], ':state', ':through', ':accepted')
local answer = {held[1] or '', held[2] or '0', held[3] or '0'}
if held[1] ~= 'complete' or held[2] == ARGV[1] then return answer end
local top = redis.call('ZREVRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
if #top == 0 then return answer end
local ids = {}
for i = 1, #top, 2 do ids[#ids + 1] = top[i] end
local names = redis.call('HMGET', KEYS[2], unpack(ids))
for i, id in ipairs(ids) do
  answer[#answer + 1] = id
  answer[#answer + 1] = top[2 * i]
  answer[#answer + 1] = names[i] or ''
end
return answer
