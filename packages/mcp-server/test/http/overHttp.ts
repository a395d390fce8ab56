/** The server on a port of its own, over doubles of its services, and clients of it. */
import { assert } from "@effect/vitest"
import { serveHttp, type Options } from "#src/http/serveHttp.ts"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { Resilience } from "@lms-bridge/core/Resilience"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import { Settings, type Values } from "@lms-bridge/core/Settings"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import * as McpRegistryTest from "@lms-bridge/testing/McpRegistryTest"
import { always } from "@lms-bridge/testing/Scripted"
import * as UnusedServices from "@lms-bridge/testing/UnusedServices"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { Deferred, Effect, Fiber, Layer, Option } from "effect"

export const aRun = AgentLoopTest.oneCall({
  server: "files",
  tool: "list_directory",
  arguments: {},
  result: "a.md",
  answer: "There is a.md."
})

export const services = (steps: ReadonlyArray<AgentLoopTest.Step> = aRun, settings: Partial<Values> = {}) =>
  Layer.mergeAll(
    AgentLoopTest.layerTest(steps),
    RunJournal.layerMemory,
    LmStudioApiTest.layerTest({
      ping: [always(Effect.succeed(LmStudioApiTest.serverInfo))],
      models: [always(Effect.succeed([LmStudioApiTest.apiModel("qwen3-8b")]))]
    }),
    McpRegistryTest.layerTest({ files: {} }),
    Layer.mock(LmsCli, { get: () => assert.fail(), logStream: () => assert.fail() }),
    Layer.mock(ModelLifecycle, { withModel: () => () => Effect.die("unused") }),
    UnusedServices.layer,
    Settings.layerWith(settings),
    Resilience.layer.pipe(Layer.provide(Settings.layerWith({})))
  )

/** The server on a port of its own; its fiber is the whole of it. */
export const served = Effect.fnUntraced(function* (options: Partial<Options> = {}) {
  const listening = yield* Deferred.make<string>()
  const fiber = yield* Effect.forkScoped(
    serveHttp({
      host: "127.0.0.1",
      port: 0,
      token: Option.none(),
      drain: "5 seconds",
      listening: (url) => Deferred.succeed(listening, url),
      ...options
    })
  )
  const url = yield* Effect.raceFirst(Deferred.await(listening), Fiber.join(fiber))
  return { fiber, url }
})

export const connect = Effect.fnUntraced(function* (url: string, token?: string) {
  const transport = new StreamableHTTPClientTransport(
    new URL(url),
    token === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${token}` } } }
  )
  const client = new Client({ name: "test", version: "1" })
  yield* Effect.acquireRelease(
    // the SDK's class and interface differ in the same optional callbacks on both sides
    Effect.promise(() => client.connect(transport as Parameters<Client["connect"]>[0])),
    () => Effect.promise(() => client.close())
  )
  return { client, transport }
})

export const status = (url: string, init: RequestInit = {}) =>
  Effect.promise(() => fetch(url, init).then((response) => response.status))

export const initialize = {
  method: "POST",
  headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
  body: JSON.stringify({
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } }
  })
}
