// The library's registry: starts all servers of an mcp.json at once, or one of them alone, and lists their tools again.
import { Settings } from "@lms-bridge/core/Settings"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { serve } from "../runtime.mjs"

const registry = McpRegistry.layer.pipe(Layer.provideMerge(Settings.layer), Layer.provide(NodePlatform.layer))

const timed = (effect) => {
  const started = performance.now()
  return Effect.map(effect, (value) => ({ millis: performance.now() - started, value }))
}

const list = (names) =>
  Effect.gen(function* () {
    const { tools } = yield* McpRegistry
    const lists = yield* Effect.forEach(names, tools, { concurrency: "unbounded" })
    return lists.flat().length
  })

const again = 5

/** The time from nothing to the tools of these servers, and the times to list them again. */
const discover = async ({ servers }) => {
  const runtime = ManagedRuntime.make(registry)
  try {
    await runtime.runPromise(McpRegistry)
    const cold = await runtime.runPromise(Effect.suspend(() => timed(list(servers))))
    const warm = []
    for (let turn = 0; turn < again; turn++) {
      warm.push((await runtime.runPromise(Effect.suspend(() => timed(list(servers))))).millis)
    }
    return { cold: cold.millis, warm, tools: cold.value }
  } finally {
    await runtime.dispose()
  }
}

serve(discover)
