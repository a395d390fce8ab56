import { assert, describe, it } from "@effect/vitest"
import { Settings } from "#src/configuration/Settings.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import * as McpTransportTest from "@lms-bridge/testing/McpTransportTest"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { Effect, Layer, Option } from "effect"

const path = "/config/mcp.json"

const named = (name: string) => () => new Server({ name, version: "1" }, { capabilities: { tools: {} } })

const entries = {
  wrapped: { command: "my-assistant.sh" },
  near: { url: "http://127.0.0.1:3000/mcp", type: "http" },
  far: { url: "https://studio.example/mcp", type: "http" }
}

const layer = McpRegistry.layerNoDeps.pipe(
  Layer.provide(Settings.layerWith({ mcpJsonPath: Option.some(path) })),
  Layer.provide(MemoryFileSystem.layer({ files: { [path]: JSON.stringify({ mcpServers: entries }) } })),
  Layer.provideMerge(
    McpTransportTest.layerTest({
      wrapped: [named("lms-bridge")],
      near: [named("lms-bridge")],
      far: [named("lms-bridge")]
    })
  )
)

describe("McpRegistry", () => {
  it.effect("recognises itself by its name when it is connected, whatever command started it", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      for (const name of ["wrapped", "near"]) {
        const error = yield* Effect.flip(Effect.scoped(registry.connect(name)))
        assert.deepInclude(error, { _tag: "McpServerUnavailable", server: name, reason: "Itself", retryable: false })
        assert.include(error.message, "it is lms-bridge itself")
      }
      const { closed } = yield* McpTransportTest.McpTransportCalls
      assert.include(yield* closed, "wrapped")
    }).pipe(Effect.provide(layer))
  )

  it.effect("treats an lms-bridge on another machine like any other server", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const { implementation } = yield* Effect.scoped(registry.connect("far"))
      assert.strictEqual(implementation.name, "lms-bridge")
    }).pipe(Effect.provide(layer))
  )
})
