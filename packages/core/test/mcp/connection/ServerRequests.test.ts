import { assert, describe, it } from "@effect/vitest"
import * as Path from "@effect/platform/Path"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import {
  CallToolRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  EmptyResultSchema,
  ListRootsResultSchema,
  RootsListChangedNotificationSchema,
  type ClientCapabilities
} from "@modelcontextprotocol/sdk/types.js"
import { Settings } from "#src/configuration/Settings.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import {
  CurrentElicitation,
  type ElicitationResult,
  type ElicitationHandler,
  type ElicitationRequest
} from "#src/mcp/Elicitation.ts"
import { CurrentSampling, SamplingRefused, type SamplingHandler } from "#src/mcp/Sampling.ts"
import * as McpTransportTest from "@lms-bridge/testing/McpTransportTest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Option, TestClock } from "effect"
import * as fakeFiles from "../fakeFiles.ts"
import { turns } from "../linked.ts"

const form = {
  message: "Which branch?",
  requestedSchema: { type: "object" as const, properties: { branch: { type: "string" as const } } }
}

/** What the server received, and its pending calls. */
const makeFar = () => {
  const heard = {
    roots: [] as Array<ReadonlyArray<string>>,
    capabilities: undefined as ClientCapabilities | undefined,
    hanging: [] as Array<(text: string) => void>,
    changes: 0
  }
  const make = () => {
    const server = new Server({ name: "far", version: "1" }, { capabilities: { tools: {} } })
    const text = (value: unknown) => ({ content: [{ type: "text" as const, text: JSON.stringify(value) }] })
    const look = async () => {
      const { roots } = await server.request({ method: "roots/list" }, ListRootsResultSchema)
      heard.roots.push(roots.map(({ uri }) => uri))
    }
    server.oninitialized = () => {
      heard.capabilities = server.getClientCapabilities()
      void look()
    }
    server.setNotificationHandler(RootsListChangedNotificationSchema, async () => {
      heard.changes += 1
      await look()
    })
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
      const failed = (error: { code?: number; message: string }) => ({ code: error.code, message: error.message })
      switch (params.name) {
        case "ask":
          return text(
            await server.request({ method: "elicitation/create", params: form }, ElicitResultSchema).catch(failed)
          )
        case "open": {
          const page = { mode: "url" as const, message: "Sign in.", url: "https://a.example/login", elicitationId: "1" }
          return text(
            await server.request({ method: "elicitation/create", params: page }, ElicitResultSchema).catch(failed)
          )
        }
        case "think": {
          const messages = [{ role: "user" as const, content: { type: "text" as const, text: "2+2?" } }]
          const question = { messages, maxTokens: 50, systemPrompt: "Be brief.", ...params.arguments }
          return text(
            await server
              .request({ method: "sampling/createMessage", params: question }, CreateMessageResultSchema)
              .catch(failed)
          )
        }
        case "ping":
          return text(await server.request({ method: "ping" }, EmptyResultSchema))
        default:
          return new Promise((resolve) => heard.hanging.push((value) => resolve(text(value))))
      }
    })
    return server
  }
  return { heard, make }
}

const withFar = <A, E>(
  use: (
    registry: typeof McpRegistry.Service,
    heard: ReturnType<typeof makeFar>["heard"]
  ) => Effect.Effect<A, E, McpTransportTest.McpTransportCalls>
) =>
  Effect.suspend(() => {
    const files = fakeFiles.make()
    files.write("/mcp.json", { mcpServers: { far: { command: "far" } } })
    const { heard, make } = makeFar()
    return Effect.flatMap(McpRegistry, (registry) => use(registry, heard)).pipe(
      Effect.provide(
        McpRegistry.layerNoDeps.pipe(
          Layer.provideMerge(McpTransportTest.layerTest({ far: [make] })),
          Layer.provide([
            Settings.layerWith({ mcpJsonPath: Option.some("/mcp.json") }),
            files.layer,
            Path.layer,
            Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["HOME", "/home/me"]])))
          ])
        )
      )
    )
  })

const said = (result: {
  readonly content: ReadonlyArray<{ readonly type: string; readonly text?: string }>
}): unknown => JSON.parse(result.content[0]?.text ?? "")

const person = (
  answer: (question: ElicitationRequest) => Effect.Effect<ElicitationResult>,
  who: unknown = "somebody"
): ElicitationHandler => ({
  who,
  opensPages: true,
  ask: answer
})
const as = (someone: ElicitationHandler) => Effect.provideService(CurrentElicitation, Option.some(someone))
const over = (sampler: SamplingHandler) => Effect.provideService(CurrentSampling, Option.some(sampler))

describe("requests of a server", () => {
  it.effect("a ping is answered, and only capabilities that somebody can serve are announced", () =>
    withFar((registry, heard) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(said(yield* registry.call("far", "ping", {})), {})
        assert.deepStrictEqual(heard.capabilities, { roots: { listChanged: true } })
        assert.deepStrictEqual(said(yield* registry.call("far", "ask", {})), {
          code: -32601,
          message: "MCP error -32601: There is nobody here who could be asked."
        })
        const refused = said(yield* registry.call("far", "think", {})) as { message: string }
        assert.include(refused.message, "LMS_BRIDGE_MCP_SAMPLING")
      })
    )
  )

  it.effect("the server learns the folders of all holders of its connection, and their changes", () =>
    withFar((registry, heard) =>
      Effect.gen(function* () {
        const hold = (...folders: ReadonlyArray<string>) => registry.connect("far", { folders })
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* hold("/work/a b#1", "/work/shared/")
            yield* turns
            assert.deepStrictEqual(heard.roots, [["file:///work/a%20b%231", "file:///work/shared"]])
            yield* Effect.scoped(
              Effect.gen(function* () {
                yield* hold("/work/shared", "/work/c")
                yield* turns
                assert.deepStrictEqual(heard.roots.at(-1), [
                  "file:///work/a%20b%231",
                  "file:///work/shared",
                  "file:///work/c"
                ])
                // a holder without new folders changes nothing
                yield* Effect.scoped(hold("/work/c"))
                yield* Effect.scoped(hold())
                yield* turns
                assert.strictEqual(heard.changes, 1)
              })
            )
            yield* turns
            assert.deepStrictEqual(heard.roots.at(-1), ["file:///work/a%20b%231", "file:///work/shared"])
          })
        )
        yield* turns
        assert.deepStrictEqual(heard.roots.at(-1), [])
        assert.strictEqual(heard.changes, 3)
      })
    )
  )

  it.effect("the server learns the folders again after a reconnect, but none that is not an absolute path", () =>
    withFar((registry, heard) =>
      Effect.gen(function* () {
        const { end } = yield* McpTransportTest.McpTransportCalls
        yield* registry.connect("far", { folders: ["/work", "relative"] })
        yield* turns
        yield* end("far")
        yield* turns
        yield* registry.call("far", "ping", {})
        yield* turns
        assert.deepStrictEqual(heard.roots, [["file:///work"], ["file:///work"]])
      }).pipe(Effect.scoped)
    )
  )

  it.effect("a question is answered by the person whose call is running, however long they take", () =>
    withFar((registry, heard) =>
      Effect.gen(function* () {
        const asked: Array<ElicitationRequest> = []
        const answer = yield* Deferred.make<ElicitationResult>()
        const calling = yield* registry.call("far", "ask", {}, { timeout: "1 minute" }).pipe(
          as(
            person((question) => {
              asked.push(question)
              return Deferred.await(answer)
            })
          ),
          Effect.fork
        )
        yield* turns
        assert.deepStrictEqual(heard.capabilities?.elicitation, { form: {}, url: {} })
        assert.deepInclude(asked[0], { _tag: "Form", server: "far", message: "Which branch?" })
        yield* TestClock.adjust("20 minutes")
        yield* Deferred.succeed(answer, { action: "accept", content: { branch: "main" } })
        assert.deepStrictEqual(said(yield* Fiber.join(calling)), { action: "accept", content: { branch: "main" } })
      })
    )
  )

  it.effect("the silence counts again from the answer on", () =>
    withFar((registry, heard) =>
      Effect.gen(function* () {
        const answer = yield* Deferred.make<ElicitationResult>()
        const me = as(person(() => Deferred.await(answer)))
        const asking = yield* Effect.fork(me(registry.call("far", "ask", {})))
        const hanging = yield* Effect.fork(Effect.flip(me(registry.call("far", "hang", {}, { timeout: "1 minute" }))))
        yield* turns
        yield* TestClock.adjust("10 minutes")
        yield* Deferred.succeed(answer, { action: "decline" })
        yield* Fiber.join(asking)
        yield* TestClock.adjust("59 seconds")
        assert.isNull(hanging.unsafePoll())
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* Fiber.join(hanging), { reason: "Timeout" })
        assert.strictEqual(heard.hanging.length, 1)
      })
    )
  )

  it.effect("a question is declined when it is unclear to whose call it belongs", () =>
    withFar((registry, heard) =>
      Effect.gen(function* () {
        const nosy: Array<string> = []
        const somebody = (name: string) =>
          as(
            person(
              () =>
                Effect.as(
                  Effect.sync(() => nosy.push(name)),
                  { action: "accept" as const }
                ),
              name
            )
          )
        const other = yield* Effect.fork(somebody("ada")(registry.call("far", "hang", {})))
        yield* turns
        assert.deepStrictEqual(said(yield* somebody("bob")(registry.call("far", "ask", {}))), { action: "decline" })
        // a call without a person does not belong to another person either
        const unattended = registry.call("far", "ask", {})
        assert.deepStrictEqual(said(yield* unattended), { action: "decline" })
        heard.hanging[0]?.("done")
        yield* Fiber.join(other)
        assert.deepStrictEqual(nosy, [])
        yield* somebody("bob")(registry.call("far", "ask", {}))
        assert.deepStrictEqual(nosy, ["bob"])
      })
    )
  )

  it.effect("a question is withdrawn when its call is interrupted", () =>
    withFar((registry) =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const withdrawn = yield* Deferred.make<void>()
        const calling = yield* registry
          .call("far", "ask", {})
          .pipe(
            as(
              person(() =>
                Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never).pipe(
                  Effect.onInterrupt(() => Deferred.succeed(withdrawn, undefined))
                )
              )
            ),
            Effect.fork
          )
        yield* Deferred.await(asked)
        yield* Fiber.interrupt(calling)
        yield* Deferred.await(withdrawn)
      })
    )
  )

  it.effect("a page is shown to a person who can open it, and declined for one who cannot", () =>
    withFar((registry) =>
      Effect.gen(function* () {
        const seen: Array<ElicitationRequest> = []
        const me = person((question) => {
          seen.push(question)
          return Effect.succeed({ action: "accept" })
        })
        assert.deepStrictEqual(said(yield* as(me)(registry.call("far", "open", {}))), { action: "accept" })
        assert.deepInclude(seen[0], { _tag: "Page", url: "https://a.example/login", id: "1" })
        const blind = as({ ...me, opensPages: false })
        assert.deepStrictEqual(said(yield* blind(registry.call("far", "open", {}))), { action: "decline" })
        assert.strictEqual(seen.length, 1)
      })
    )
  )

  it.effect("a request to the model is answered if allowed, and refused with a reason if not", () =>
    withFar((registry, heard) =>
      Effect.gen(function* () {
        const asked: Array<unknown> = []
        const sampler: SamplingHandler = {
          sample: (request) => {
            asked.push(request)
            return request.maxTokens > 100
              ? new SamplingRefused({ server: "far", refused: true, detail: "The person said no." })
              : Effect.succeed({ content: "4", model: "tiny", finishReason: "length" })
          }
        }
        const think = (args = {}) => Effect.map(over(sampler)(registry.call("far", "think", args)), said)
        assert.deepStrictEqual(yield* think(), {
          role: "assistant",
          content: { type: "text", text: "4" },
          model: "tiny",
          stopReason: "maxTokens"
        })
        assert.deepStrictEqual(heard.capabilities?.sampling, {})
        assert.deepInclude(asked[0], {
          server: "far",
          maxTokens: 50,
          messages: [
            { role: "system", content: "Be brief." },
            { role: "user", content: "2+2?" }
          ]
        })
        assert.deepStrictEqual(yield* think({ maxTokens: 500 }), {
          code: -1,
          message: "MCP error -1: The person said no."
        })
        assert.deepInclude(yield* think({ toolChoice: { mode: "auto" } }), { code: -32602 })
        // a manual call has no model
        assert.deepInclude(said(yield* registry.call("far", "think", {})), { code: -1 })
      })
    )
  )
})
