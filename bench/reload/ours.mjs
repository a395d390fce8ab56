// McpRegistry as the executables wire it, and beside it the predecessor's method: open the file, parse it, list its servers.
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { runtime, serve } from "../runtime.mjs"

const file = process.env.MCP_JSON_PATH
const expected = Number(process.env.LMS_BRIDGE_BENCH_SERVERS)
/** A sample is the mean of this many calls in a row, because one call is far shorter than a tick of the clock. */
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

// like a server that has been running for a moment
await runtime.runPromise(Effect.repeatN(Effect.zipRight(list, Effect.sleep("200 millis")), 2))
serve(({ what }) => runtime.runPromise(what === "list" ? list : read))
