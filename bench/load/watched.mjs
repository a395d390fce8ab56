// Loaded into a server under load: says what it costs when it is asked, and begins to count anew.
import { monitorEventLoopDelay } from "node:perf_hooks"

const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
let cpu = process.cpuUsage()

process.on("message", () => {
  const { system, user } = process.cpuUsage(cpu)
  // the histogram counts the resolution, too
  const late = (share) => Math.max(0, delay.percentile(share) / 1e6 - 5)
  process.send({
    cpuMillis: (system + user) / 1000,
    rssMiB: process.memoryUsage.rss() / 1024 / 1024,
    lateMillis: { p50: late(50), p99: late(99), most: Math.max(0, delay.max / 1e6 - 5) }
  })
  cpu = process.cpuUsage()
  delay.reset()
})
process.channel?.unref()
