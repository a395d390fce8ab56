import { assert, describe, it } from "@effect/vitest"
import { type ElicitationHandler, CurrentElicitation } from "#src/mcp/Elicitation.ts"
import type { CallProgress, McpConnection } from "#src/mcp/McpConnection.ts"
import type { McpCallFailed, McpReadFailed, McpServerUnavailable } from "#src/mcp/McpError.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { Effect, Fiber, Option } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { registryWith, textOf } from "./realServers.ts"

const program = fileURLToPath(new URL("../fixtures/matrix-server.mjs", import.meta.url))

const person: ElicitationHandler = {
  who: "the person",
  opensPages: false,
  ask: () => Effect.succeed({ action: "accept", content: { name: "Ada" } })
}

/** A server of this revision: as an entry whose process the registry starts, or as one that serves HTTP already. */
const entryOf = (revision: string, over: "stdio" | "http") =>
  over === "stdio"
    ? Effect.succeed({ command: process.execPath, args: [program, revision] })
    : Effect.acquireRelease(
        Effect.sync(() =>
          spawn(process.execPath, [program, revision, "http"], { stdio: ["ignore", "pipe", "inherit"] })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      ).pipe(
        Effect.flatMap((child) =>
          Effect.async<{ readonly url: string }>((resume) => {
            child.stdout.once("data", (chunk: Buffer) => resume(Effect.succeed({ url: chunk.toString().trim() })))
          })
        )
      )

type Play = (it: McpConnection) => Effect.Effect<void, McpCallFailed | McpReadFailed | McpServerUnavailable>

const until = <A, E>(look: Effect.Effect<A, E>, found: (a: A) => boolean): Effect.Effect<A, E> =>
  Effect.flatMap(look, (a) => (found(a) ? Effect.succeed(a) : Effect.delay(until(look, found), "20 millis")))

/** What a client can do with a server, each told by its words in docs/mcp.md. */
const features: Readonly<Record<string, Play>> = {
  "tools, and their errors": Effect.fnUntraced(function* ({ call, tools }) {
    assert.includeMembers(
      (yield* tools).map(({ name }) => name),
      ["ask", "fail"]
    )
    const failed = yield* call("fail", {})
    assert.isTrue(failed.isError)
    assert.strictEqual(textOf(failed), "It failed.")
  }),

  "resources and prompts": Effect.fnUntraced(function* (it) {
    const [resource] = yield* it.resources
    assert.strictEqual(resource?.uri, "matrix://it")
    assert.include(JSON.stringify(yield* it.readResource("matrix://it")), "What is at matrix://it.")
    const [prompt] = yield* it.prompts
    assert.strictEqual(prompt?.name, "greet")
    assert.include(JSON.stringify(yield* it.getPrompt("greet", { who: "Ada" })), "Greet Ada.")
  }),

  "progress of a call": Effect.fnUntraced(function* ({ call }) {
    const told: Array<unknown> = []
    const onProgress = ({ message }: CallProgress) => Effect.sync(() => void told.push(message))
    assert.strictEqual(textOf(yield* call("progress", {}, { onProgress })), "done")
    assert.deepStrictEqual(told, ["half"])
  }),

  "questions of servers": Effect.fnUntraced(function* ({ call }) {
    assert.strictEqual(textOf(yield* call("ask", {})), "accept Ada")
  }),

  "changes of lists": Effect.fnUntraced(function* ({ call, tools }) {
    const newest = Effect.map(tools, (all) => Number(all.at(-1)?.name.replace("list-", "")))
    const before = yield* newest
    // listening takes effect when the server has it
    yield* until(Effect.zipRight(call("change", {}), newest), (now) => now > before)
  }),

  "a call that is given up is so at its server": Effect.fnUntraced(function* ({ call }) {
    const waits = (words: string) => until(Effect.map(call("waits", {}), textOf), (text) => text.includes(words))
    const fiber = yield* Effect.fork(call("wait", {}))
    yield* waits("begun 1")
    yield* Fiber.interrupt(fiber)
    yield* waits("given up 1")
  }),

  "tasks of servers": Effect.fnUntraced(function* ({ call, tools }) {
    yield* tools
    assert.strictEqual(textOf(yield* call("long", {})), "The task is done.")
  })
}

describe("our client, with a server that speaks one revision,", { timeout: 60_000 }, () => {
  for (const revision of ["2025-11-25", "2026-07-28"]) {
    for (const over of ["stdio", "http"] as const) {
      // an extension in the newer revision, which the client does not say that it knows
      const has = (feature: string) => revision !== "2026-07-28" || feature !== "tasks of servers"
      const all = Object.entries(features).filter(([feature]) => has(feature))
      it.scopedLive(`plays each feature of ${revision} over ${over}`, ({ task }) =>
        Effect.gen(function* () {
          const entry = yield* entryOf(revision, over)
          yield* Effect.gen(function* () {
            const registry = yield* McpRegistry
            const connection = yield* registry.connect("it")
            yield* Effect.forEach(all, ([, play]) => play(connection), { concurrency: 4, discard: true })
            // for the table in docs/mcp.md: what was played, over what, as the server has seen it
            const said = textOf(yield* connection.call("who", {}))
            const [, by, seen] = /^(process \d+) (\S+)$/.exec(said) ?? []
            const at = "url" in entry ? entry.url : by
            const played = all.map(([feature]) => ({ side: "client", feature, over: at, revision: seen }))
            Object.assign(task.meta, { played })
          }).pipe(Effect.scoped, Effect.provide(registryWith({ it: entry })))
          // one for all, or it would be unclear whom a question is for
        }).pipe(Effect.provideService(CurrentElicitation, Option.some(person)))
      )
    }
  }
})
