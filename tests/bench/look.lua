-- SPDX-License-Identifier: Apache-2.0
-- wrk: looks files up at random, as master_bench fills a home.  Arguments: token, folders, files in each.
local threads = 0
function setup(t) t:set("number", threads); threads = threads + 1 end
function init(args)
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  folders, files = tonumber(args[2]), tonumber(args[3])
  math.randomseed(number)
end
function request()
  return wrk.format("GET", string.format("/api/v1/files/dir-000000/dir-%06d/part-%010d.parquet", math.random(0, folders - 1), math.random(0, files - 1)))
end
