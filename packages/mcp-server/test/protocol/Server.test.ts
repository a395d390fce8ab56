import { assert, describe, it } from "@effect/vitest"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import { Context, Deferred, Effect, Fiber, Ref, Schema, Stream, TestClock } from "effect"
import { readFileSync } from "node:fs"
import { CurrentCaller } from "@lms-bridge/core/Observability"
import * as Server from "#src/protocol/Server.ts"
import * as Tool from "#src/tools/Tool.ts"
import * as About from "#src/About.ts"
import { callTool, connected, settle, textOf, whileTimePasses } from "../connected.ts"

const Input = Schema.Struct({ n: Schema.Int, note: Schema.optionalWith(Schema.String, { exact: true }) })
const Output = Schema.Struct({ doubled: Schema.Int })

const tool = <R>(
  handler: (n: number, progress: Tool.Progress) => Effect.Effect<{ readonly doubled: number }, Tool.Failure, R>
) =>
  Tool.make({
    name: "double",
    title: "Double",
    description: "Doubles a number.",
    annotations: Tool.looks,
    input: Input,
    output: Output,
    aliases: { number: "n" },
    text: ({ doubled }) => [`It is ${doubled}.`],
    handler: ({ n }, progress) => handler(n, progress)
  })

const doubles = tool((n) => Effect.succeed({ doubled: n * 2 }))

describe("Server", () => {
  it.scoped("answers with structured content and readable text", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([doubles])
      const result = yield* callTool(client, "double", { n: 21 })
      assert.deepStrictEqual(result.structuredContent, { doubled: 42 })
      assert.strictEqual(textOf(result), "It is 42.")
      assert.isUndefined(result.isError)
    })
  )

  it.scoped("works for the caller that it serves, so that several take turns", () =>
    Effect.gen(function* () {
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const asks = tool(() =>
        Effect.flatMap(CurrentCaller, (caller) =>
          Effect.as(
            Ref.update(seen, (all) => [...all, caller]),
            { doubled: 0 }
          )
        )
      )
      for (const caller of ["one", "two"]) {
        const { client } = yield* connected([asks], { caller })
        yield* callTool(client, "double", { n: 1 })
      }
      assert.deepStrictEqual(yield* Ref.get(seen), ["one", "two"])
    })
  )

  it.scoped("says who it is, with the version of its package", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([doubles])
      assert.deepInclude(client.getServerVersion(), { name: "lms-bridge", version: About.version })
      const [icon] = client.getServerVersion()?.icons ?? []
      const [, picture = ""] = icon?.src.split(",") ?? []
      assert.match(Buffer.from(picture, "base64").toString("utf8"), /^<svg xmlns=.*<\/svg>$/)
      const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
      assert.propertyVal(manifest, "version", About.version)
    })
  )

  it.scoped("lists a tool with both schemas, title and hints", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([doubles])
      const { tools } = yield* Effect.promise(() => client.listTools())
      assert.deepStrictEqual(tools[0]?.annotations, Tool.looks)
      assert.strictEqual(tools[0]?.title, "Double")
      assert.deepStrictEqual(tools[0]?.inputSchema.required, ["n"])
      // not required: a failure has `error` in its place, and strict clients check that, too
      assert.deepStrictEqual(tools[0]?.outputSchema, { type: "object", properties: { doubled: { type: "integer" } } })
    })
  )

  it.scoped("shows a failure as a tag and a sentence that a client checking output schemas accepts", () =>
    Effect.gen(function* () {
      const fails = tool(() => Effect.fail({ _tag: "TooBig", message: "Ask for less.", retryable: false }))
      const { client } = yield* connected([fails])
      const result = yield* callTool(client, "double", { n: 1 })
      assert.isTrue(result.isError)
      assert.strictEqual(textOf(result), "Ask for less.")
      assert.deepStrictEqual(result.structuredContent, {
        error: { _tag: "TooBig", message: "Ask for less.", retryable: false }
      })
    })
  )

  it.scoped("keeps what a failed call had done", () =>
    Effect.gen(function* () {
      const fails = tool(() => Effect.fail({ _tag: "Broke", message: "It broke.", account: { doubled: 2 } }))
      const { client } = yield* connected([fails])
      const result = yield* callTool(client, "double", { n: 1 })
      assert.deepInclude(result.structuredContent, { doubled: 2 })
    })
  )

  it.scoped("names what is wrong with the arguments and runs nothing", () =>
    Effect.gen(function* () {
      const ran = yield* Ref.make(0)
      const { client } = yield* connected([
        tool(() =>
          Effect.as(
            Ref.update(ran, (n) => n + 1),
            { doubled: 0 }
          )
        )
      ])
      const result = yield* callTool(client, "double", { m: 1, note: 7 })
      assert.isTrue(result.isError)
      assert.deepNestedInclude(result.structuredContent, { "error._tag": "InvalidInput" })
      assert.include(textOf(result), '"n" is missing')
      assert.include(textOf(result), 'there is no argument "m"')
      assert.include(textOf(result), "It takes n (required), note.")
      assert.strictEqual(yield* Ref.get(ran), 0)
    })
  )

  it.scoped("reads null as an absent argument, and accepts an argument's other name", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([doubles])
      const result = yield* callTool(client, "double", { number: 4, note: null })
      assert.deepStrictEqual(result.structuredContent, { doubled: 8 })
    })
  )

  it.scoped("does not show the text of a defect", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([tool(() => Effect.die("secret"))])
      const result = yield* callTool(client, "double", { n: 1 })
      assert.isTrue(result.isError)
      assert.deepNestedInclude(result.structuredContent, { "error._tag": "InternalError" })
      assert.notInclude(JSON.stringify(result), "secret")
    })
  )

  it.scoped("refuses an unknown tool with a protocol error, and names the known tools", () =>
    Effect.gen(function* () {
      const { client } = yield* connected([doubles])
      const error = yield* Effect.flip(Effect.tryPromise(() => client.callTool({ name: "triple" })))
      assert.include(String(error.error), "Unknown tool: triple. The tools are double.")
    })
  )

  it.scoped("sends progress at once and then at least every ten seconds, increasing each time", () =>
    Effect.gen(function* () {
      const finish = yield* Deferred.make<void>()
      const seen: Array<{ readonly progress: number; readonly message?: string | undefined }> = []
      const slow = tool((n, progress) =>
        progress.note("still doubling").pipe(Effect.zipRight(Deferred.await(finish)), Effect.as({ doubled: n }))
      )
      const { client } = yield* connected([slow])
      const call = yield* Effect.fork(
        Effect.promise(() =>
          client.callTool({ name: "double", arguments: { n: 1 } }, undefined, {
            onprogress: (notice) => seen.push(notice)
          })
        )
      )
      yield* settle
      assert.deepStrictEqual(
        seen.map(({ message }) => message),
        ["double: started"]
      )
      for (let tens = 1; tens <= 3; tens++) {
        yield* TestClock.adjust("10 seconds")
        yield* settle
        assert.isAtLeast(seen.length, 1 + tens)
      }
      assert.strictEqual(seen[1]?.message, "still doubling (8 s)")
      assert.deepStrictEqual(
        seen.map(({ progress }) => progress),
        seen.map((_, index) => index + 1)
      )
      yield* Deferred.succeed(finish, undefined)
      yield* whileTimePasses(Fiber.join(call))
    })
  )

  it.scoped("sends important progress at once, and stops when the call has ended", () =>
    Effect.gen(function* () {
      const seen: Array<string | undefined> = []
      const { client } = yield* connected([
        tool((n, progress) => Effect.as(progress.tell("round 1: reading"), { doubled: n }))
      ])
      yield* whileTimePasses(
        Effect.promise(() =>
          client.callTool({ name: "double", arguments: { n: 1 } }, undefined, {
            onprogress: ({ message }) => seen.push(message)
          })
        )
      )
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepStrictEqual(seen, ["double: started", "round 1: reading"])
    })
  )

  it.scoped("interrupts a cancelled call, and continues to serve", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const slow = tool((n) =>
        n === 0
          ? Deferred.succeed(started, undefined).pipe(
              Effect.zipRight(Effect.never),
              Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
            )
          : Effect.succeed({ doubled: n })
      )
      const { client } = yield* connected([slow])
      const controller = new AbortController()
      const call = yield* Effect.fork(
        Effect.tryPromise(() =>
          client.callTool({ name: "double", arguments: { n: 0 } }, undefined, { signal: controller.signal })
        )
      )
      yield* Deferred.await(started)
      controller.abort()
      yield* Deferred.await(ended)
      assert.isTrue((yield* Fiber.await(call))._tag === "Failure")
      assert.deepStrictEqual((yield* callTool(client, "double", { n: 5 })).structuredContent, { doubled: 5 })
    })
  )

  it.scoped("answers initialize before anything is loaded, and loads once, even if the first caller leaves", () =>
    Effect.gen(function* () {
      const loads = yield* Ref.make(0)
      const finish = yield* Deferred.make<void>()
      const [near, far] = InMemoryTransport.createLinkedPair()
      const load = Ref.update(loads, (n) => n + 1).pipe(
        Effect.zipRight(Deferred.await(finish)),
        Effect.as({
          surface: {
            tools: [doubles],
            describeOutput: true,
            reading: { resources: [], templates: [], prompts: [] },
            changes: Stream.empty
          },
          context: Context.empty()
        })
      )
      yield* Effect.forkScoped(Server.serve({ load, detachAfter: "never", transport: far }))
      const client = new Client({ name: "test", version: "1" })
      yield* Effect.promise(() => client.connect(near))
      assert.deepInclude(client.getServerVersion(), { name: "lms-bridge" })
      const controller = new AbortController()
      const first = yield* Effect.fork(
        Effect.promise(() =>
          client.listTools({}, { signal: controller.signal }).then(
            () => "listed",
            () => "gone"
          )
        )
      )
      yield* settle
      controller.abort()
      assert.strictEqual(yield* Fiber.join(first), "gone")
      const second = yield* Effect.fork(callTool(client, "double", { n: 2 }))
      yield* settle
      yield* Deferred.succeed(finish, undefined)
      assert.deepStrictEqual((yield* Fiber.join(second)).structuredContent, { doubled: 4 })
      assert.strictEqual(yield* Ref.get(loads), 1)
      yield* Effect.promise(() => client.close())
    })
  )

  it.scoped("interrupts every call when the client leaves, and ends", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const never = tool(() =>
        Deferred.succeed(started, undefined).pipe(
          Effect.zipRight(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
        )
      )
      const { client, server } = yield* connected([never])
      const call = yield* Effect.fork(
        Effect.exit(Effect.tryPromise(() => client.callTool({ name: "double", arguments: { n: 0 } })))
      )
      yield* Deferred.await(started)
      yield* Effect.promise(() => client.close())
      yield* Deferred.await(ended)
      yield* Fiber.join(server)
      yield* Fiber.join(call)
    })
  )
})
