-- Looks up several players at one moment, each with those around.
--
-- KEYS  rank, players
-- ARGV  how many on each side, then the players
--
-- Returns state and through, then for each player either -1 or
-- {rank of the first, id, weight, name, id, weight, name, …}.
local span = tonumber(ARGV[1])
local fields = {':state', ':through'}
local answer = {}
for i = 2, #ARGV do
  local rank = redis.call('ZREVRANK', KEYS[1], ARGV[i])
  if rank then
    local first = math.max(rank - span, 0)
    local near = redis.call('ZREVRANGE', KEYS[1], first, rank + span, 'WITHSCORES')
    local one = {first}
    for j = 1, #near, 2 do
      fields[#fields + 1] = near[j]
      one[#one + 1] = near[j]
      one[#one + 1] = near[j + 1]
      one[#one + 1] = #fields -- its name, once all are asked for
    end
    answer[#answer + 1] = one
  else
    answer[#answer + 1] = -1
  end
end
local held = redis.call('HMGET', KEYS[2], unpack(fields))
for _, one in ipairs(answer) do
  if type(one) == 'table' then
    for j = 4, #one, 3 do one[j] = held[one[j]] or '' end
  end
end
table.insert(answer, 1, held[2] or '0')
table.insert(answer, 1, held[1] or '')
return answer
