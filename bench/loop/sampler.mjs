// The time and CPU of a run; for a long run also the CPU per step and the memory still in use after garbage collection.

/** Steps between two samples. Samples are taken only if the process may trigger garbage collection. */
const every = 25

export const sampler = () => {
  const looks = []
  let steps = 0
  let started
  let cpu
  let lookedAt
  const look = () => {
    const cpuMillis = millisOf(process.cpuUsage(lookedAt)) / every
    globalThis.gc()
    looks.push({ step: steps, cpuMillis, heapMiB: process.memoryUsage().heapUsed / 1024 / 1024 })
    lookedAt = process.cpuUsage()
  }
  return {
    step: () => {
      started ??= performance.now()
      cpu ??= process.cpuUsage()
      lookedAt ??= cpu
      if (globalThis.gc !== undefined && steps > 0 && steps % every === 0) look()
      steps += 1
    },
    end: () => ({ millis: performance.now() - started, cpuMillis: millisOf(process.cpuUsage(cpu)), looks })
  }
}

const millisOf = ({ system, user }) => (system + user) / 1000
