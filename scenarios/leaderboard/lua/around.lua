-- Looks up several players at one moment, each with those around.
--
-- KEYS  rank, names, view
-- ARGV  how many on each side, then the players
--
-- Returns state and through, then for each player either -1 or
-- {rank of the first, id, weight, name, id, weight, name, …}.
local held = redis.call('HMGET', KEYS[3], 'state', 'through')
local answer = {held[1] or '', held[2] or '0'}
if held[1] ~= 'complete' then return answer end
local span = tonumber(ARGV[1])
local ids = {}
for i = 2, #ARGV do
  local rank = redis.call('ZREVRANK', KEYS[1], ARGV[i])
  if rank then
    local first = math.max(rank - span, 0)
    local near = redis.call('ZREVRANGE', KEYS[1], first, rank + span, 'WITHSCORES')
    local one = {first}
    for j = 1, #near, 2 do
      ids[#ids + 1] = near[j]
      one[#one + 1] = near[j]
      one[#one + 1] = near[j + 1]
      one[#one + 1] = #ids -- its name, once all are asked for
    end
    answer[#answer + 1] = one
  else
    answer[#answer + 1] = -1
  end
end
if #ids == 0 then return answer end
local names = redis.call('HMGET', KEYS[2], unpack(ids))
for i = 3, #answer do
  if type(answer[i]) == 'table' then
    for j = 4, #answer[i], 3 do answer[i][j] = names[answer[i][j]] or '' end
  end
end
return answer
