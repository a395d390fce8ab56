// McpRegistry as the executables wire it, and beside it the predecessor's way: open the file, parse it, list its servers.
import * as Bridge from "@lms-bridge/core/Bridge"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { readFileSync } from "node:fs"

const runtime = ManagedRuntime.make(
  Bridge.layer.pipe(
    Layer.provide(NodePlatform.layer),
    Layer.provideMerge(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.jsonLogger)))
  )
)

const file = process.env.MCP_JSON_PATH
const expected = Number(process.env.LMS_BRIDGE_BENCH_SERVERS)
/** One sample is the mean of so many in a row: a single one is far shorter than the clock's tick. */
const inARow = 2000

const checked = (servers) => {
  if (servers.length !== expected) throw new Error(`${servers.length} servers were found, not ${expected}`)
}

const list = Effect.gen(function* () {
  const registry = yield* McpRegistry
  const started = performance.now()
  let servers = []
  for (let turn = 0; turn < inARow; turn += 1) servers = yield* registry.servers
  const millis = (performance.now() - started) / inARow
  checked(servers)
  return { millis }
})

const read = Effect.sync(() => {
  const started = performance.now()
  let servers = []
  for (let turn = 0; turn < inARow; turn += 1) {
    const { mcpServers } = JSON.parse(readFileSync(file, "utf8"))
    servers = Object.entries(mcpServers).flatMap(([name, { disabled }]) => (disabled === true ? [] : [name]))
  }
  const millis = (performance.now() - started) / inARow
  checked(servers)
  return { millis }
})

// as a server does that has been running for a moment
const warm = Effect.repeatN(Effect.zipRight(list, Effect.sleep("200 millis")), 2)

const answers = { list: () => runtime.runPromise(list), read: () => runtime.runPromise(read) }

const stop = () => runtime.dispose().then(() => process.exit(0))
process.on("SIGTERM", stop)
process.on("disconnect", stop)
process.on("message", ({ what }) => {
  answers[what]().then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) })
  )
})
await runtime.runPromise(warm)
process.send({ ready: true })
