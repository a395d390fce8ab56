import { assert, describe, it } from "@effect/vitest"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { Effect, Fiber } from "effect"
import { McpServerUnavailable, McpTransport } from "@lms-bridge/core/McpRegistry"
import * as McpTransportTest from "#src/McpTransportTest.ts"

const launch = { _tag: "Stdio", command: "run", args: [], env: {}, cwd: undefined } as const

const exited = new McpServerUnavailable({ server: "greeter", reason: "Exited", detail: "", stderrTail: "" })

const greeter = () => {
  const server = new McpServer({ name: "greeter", version: "1" })
  server.registerTool("greet", {}, () => ({ content: [{ type: "text", text: "Hello" }] }))
  return server
}

describe("McpTransportTest", () => {
  it.scoped("fails as often as scripted, then opens a server that answers, and records everything", () =>
    Effect.gen(function* () {
      const transport = yield* McpTransport
      const { closed, end, opened } = yield* McpTransportTest.McpTransportCalls
      assert.strictEqual((yield* Effect.flip(transport.open("greeter", launch, {}))).reason, "Exited")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const channel = yield* transport.open("greeter", launch, { TOKEN: "x" })
          const client = new Client({ name: "test", version: "1" })
          yield* Effect.promise(() => client.connect(channel.transport))
          const { tools } = yield* Effect.promise(() => client.listTools())
          assert.deepStrictEqual(
            tools.map(({ name }) => name),
            ["greet"]
          )
          const ended = yield* Effect.fork(channel.ended)
          yield* end("greeter", { exitCode: 3, detail: "crashed" })
          assert.deepStrictEqual(yield* Fiber.join(ended), { exitCode: 3, detail: "crashed" })
          assert.isUndefined(client.transport)
        })
      )
      assert.deepStrictEqual(yield* closed, ["greeter"])
      assert.deepStrictEqual(
        (yield* opened).map(({ environment, server }) => [server, environment]),
        [
          ["greeter", {}],
          ["greeter", { TOKEN: "x" }]
        ]
      )
    }).pipe(Effect.provide(McpTransportTest.layerTest({ greeter: [exited, greeter] })))
  )

  it.scoped("does not find a server that the test does not have", () =>
    Effect.gen(function* () {
      const transport = yield* McpTransport
      assert.strictEqual((yield* Effect.flip(transport.open("other", launch, {}))).reason, "CommandNotFound")
    }).pipe(Effect.provide(McpTransportTest.layerTest({})))
  )
})
