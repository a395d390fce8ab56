import { assert, describe, it } from "@effect/vitest"
import {
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ReadResourceRequestSchema
} from "@modelcontextprotocol/sdk/types.js"
import { Effect, Fiber, TestClock } from "effect"
import { linked, turns } from "../linked.ts"

describe("McpClient, resources and prompts", () => {
  it.scoped("fetches all pages of resources, caches them until they change, and reads one", () =>
    Effect.gen(function* () {
      let asked = 0
      const { server, session } = yield* linked({}, {}, (far) => {
        far.registerCapabilities({ resources: { listChanged: true } })
        far.setRequestHandler(ListResourcesRequestSchema, ({ params }) => {
          asked += 1
          return params?.cursor === undefined
            ? { resources: [{ uri: "a://1", name: "one", mimeType: "text/plain", size: 3 }], nextCursor: "more" }
            : { resources: [{ uri: "a://2", name: "two", title: "Two" }] }
        })
        far.setRequestHandler(ReadResourceRequestSchema, ({ params }) => {
          if (params.uri === "a://gone") throw Object.assign(new Error("Resource not found"), { code: -32002 })
          return {
            contents: [
              { uri: params.uri, text: "abc" },
              { uri: "a://1/image", blob: "aGk=", mimeType: "image/png" }
            ]
          }
        })
      })
      const both = [
        { server: "it", uri: "a://1", name: "one", mimeType: "text/plain", size: 3 },
        { server: "it", uri: "a://2", name: "two", title: "Two" }
      ]
      assert.deepStrictEqual(yield* session.resources, both)
      assert.deepStrictEqual(yield* session.resources, both)
      assert.strictEqual(asked, 2)
      // it has resources but does not know templates
      assert.deepStrictEqual(yield* session.resourceTemplates, [])
      yield* Effect.promise(() => server.sendResourceListChanged())
      yield* turns
      yield* session.resources
      assert.strictEqual(asked, 4)
      assert.deepStrictEqual(yield* session.readResource("a://1"), [
        { uri: "a://1", text: "abc" },
        { uri: "a://1/image", blob: "aGk=", mimeType: "image/png" }
      ])
      const missing = yield* Effect.flip(session.readResource("a://gone"))
      assert.deepInclude(missing, { _tag: "McpReadFailed", what: "resource", reason: "NotFound", code: -32002 })
      assert.strictEqual(
        missing.message,
        'Resource "a://gone" of MCP server "it" does not exist. `lms-bridge mcp resources it` lists what there is.'
      )
    })
  )

  it.scoped("lists prompts, gets one with its arguments, and reports why one is not available", () =>
    Effect.gen(function* () {
      const { session } = yield* linked({}, {}, (far) => {
        far.registerCapabilities({ prompts: {} })
        far.setRequestHandler(ListPromptsRequestSchema, () => ({
          prompts: [{ name: "greet", description: "Says hello.", arguments: [{ name: "whom", required: true }] }]
        }))
        far.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
          if (params.arguments?.["whom"] === undefined)
            throw Object.assign(new Error("whom is missing"), { code: -32602 })
          const text = `Hello ${params.arguments["whom"]}`
          return { messages: [{ role: "assistant", content: { type: "text", text } }] }
        })
      })
      assert.deepStrictEqual(yield* session.prompts, [
        { server: "it", name: "greet", description: "Says hello.", arguments: [{ name: "whom", required: true }] }
      ])
      assert.deepStrictEqual(yield* session.getPrompt("greet", { whom: "Ada" }), {
        messages: [{ role: "assistant", content: { type: "text", text: "Hello Ada" } }]
      })
      const refused = yield* Effect.flip(session.getPrompt("greet", {}))
      assert.deepInclude(refused, { reason: "InvalidArguments" })
      assert.include(refused.message, "whom is missing")
    })
  )

  it.scoped("requests neither from a server without resources and prompts", () =>
    Effect.gen(function* () {
      const { session } = yield* linked({})
      assert.deepStrictEqual(
        [yield* session.resources, yield* session.resourceTemplates, yield* session.prompts],
        [[], [], []]
      )
      const error = yield* Effect.flip(session.readResource("a://1"))
      assert.deepInclude(error, { _tag: "McpReadFailed", reason: "Unsupported" })
      assert.strictEqual(error.message, 'MCP server "it" has no resources.')
    })
  )

  it.scoped("gives up on a resource after a silence", () =>
    Effect.gen(function* () {
      const { session } = yield* linked({}, {}, (far) => {
        far.registerCapabilities({ resources: {} })
        far.setRequestHandler(ReadResourceRequestSchema, () => new Promise(() => {}))
      })
      const fiber = yield* Effect.fork(Effect.flip(session.readResource("a://slow")))
      yield* turns
      yield* TestClock.adjust("2 minutes")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "McpReadFailed", reason: "Timeout", retryable: true })
    })
  )
})
