import { NodeContext } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import type { AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import * as CassetteRecording from "#src/runs/recording/CassetteRecording.ts"
import * as CassetteReplay from "#src/runs/recording/CassetteReplay.ts"
import { CurrentLoopPolicy, LoopPolicy } from "#src/agent/LoopPolicy.ts"
import * as SemanticRank from "#src/agent/tools/SemanticRank.ts"
import { Settings } from "#src/configuration/Settings.ts"
import { RequestRejected } from "#src/lmstudio/LmStudioError.ts"
import type { Embedder } from "#src/models/catalog/Embedder.ts"
import { type Context, Duration, Effect, Fiber, Layer, TestClock } from "effect"
import { ensured, layer, only, outcomeOf, run, services, task, tool, type Tool, type World } from "../doubles.ts"

type Embed = Context.Tag.Service<typeof Embedder>["embed"]

const model = "text-embedding-test"

const embedderOf = (embed: Embed) => ({ atHand: Effect.succeedSome(model), small: Effect.succeedSome(model), embed })

/** The vectors of an umbrella and a forecast point one way, all others another way. */
const vectorOf = (text: string) => (/umbrella|forecast/.test(text) ? [1, 0.1] : [0.1, 1])

const meaning =
  (asked: Array<ReadonlyArray<string>>): Embed =>
  (texts, options) =>
    Effect.sync(() => {
      asked.push(texts)
      assert.strictEqual(options?.model, model)
      return { model, vectors: texts.map(vectorOf), usage: undefined, contextLength: 512, tooLong: [] }
    })

const answering =
  (vectors: ReadonlyArray<ReadonlyArray<number>>): Embed =>
  () =>
    Effect.succeed({ model, vectors, usage: undefined, contextLength: 512, tooLong: [] })

const named = (description: string): Tool => ({ ...tool(() => Effect.succeed("")), description })

const main: Record<string, Tool> = {
  ...Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`filler_${n}`, named(`Keeps the ledger ${n}.`)])),
  sky: named("A forecast for a place."),
  take: named("Takes a thing.")
}

const world = (changes: Partial<World> = {}): World => ({ turns: () => "ok", servers: { main }, ...changes })

const umbrella = task({ task: "Shall I take an umbrella?" })

const offered = (events: ReadonlyArray<AgentEvent>) => only(events, "ToolsOffered")[0]

const names = (events: ReadonlyArray<AgentEvent>) => offered(events)?.offered ?? []

const noted = (events: ReadonlyArray<AgentEvent>) =>
  only(events, "Noted").flatMap(({ kind, text }) => (kind === "embeddings" ? [{ text }] : []))

const few = <A, E, R>(self: Effect.Effect<A, E, R>, changes: Partial<LoopPolicy> = {}) =>
  Effect.flatMap(CurrentLoopPolicy, (policy) =>
    Effect.provideService(self, CurrentLoopPolicy, new LoopPolicy({ ...policy, toolCount: 5, ...changes }))
  )

describe("SemanticRank", () => {
  it("orders by direction rather than length, and keeps the order of equals", () => {
    assert.deepStrictEqual(
      SemanticRank.byCosine(
        [1, 0],
        [
          [0, 1],
          [9, 9],
          [2, 2],
          [0.1, 0]
        ]
      ),
      [3, 1, 2, 0]
    )
  })

  it.effect("promotes a tool whose words do not match the task, and embeds only what is not cached", () => {
    const asked: Array<ReadonlyArray<string>> = []
    return Effect.gen(function* () {
      const first = yield* few(run(umbrella))
      assert.include(names(first), "sky")
      assert.include(names(first), "take")
      assert.strictEqual(offered(first)?.choice?.embeddings, model)
      const again = yield* few(run(umbrella))
      assert.deepStrictEqual(offered(again)?.offered, offered(first)?.offered)
      assert.deepStrictEqual(
        asked.map(({ length }) => length),
        [33, 30, 1]
      )
      assert.strictEqual(
        asked[1]?.find((text) => text.includes("sky")),
        "sky\nA forecast for a place."
      )
      assert.deepStrictEqual(noted(first), [])
    }).pipe(Effect.provide(layer(world({ embedder: embedderOf(meaning(asked)) }))))
  })

  it.effect("ranks by words when no embedding model is in memory", () =>
    Effect.gen(function* () {
      const events = yield* few(run(umbrella))
      assert.include(names(events), "take")
      assert.notInclude(names(events), "sky")
      assert.isUndefined(offered(events)?.choice?.embeddings)
      assert.deepStrictEqual(noted(events), [])
    }).pipe(Effect.provide(layer(world())))
  )

  it.effect("embeds nothing when all tools may be offered, or when the policy says never", () => {
    const unasked = {
      atHand: Effect.dieMessage("it asked what is at hand"),
      small: Effect.dieMessage("it asked what is on disk"),
      embed: () => Effect.dieMessage("it asked for vectors")
    }
    return Effect.gen(function* () {
      const all = yield* few(run(umbrella), { toolCount: 100 })
      assert.strictEqual(offered(all)?.offered.length, 62)
      const never = yield* few(run(umbrella), { embeddings: "never" })
      assert.notInclude(names(never), "sky")
      assert.deepStrictEqual([outcomeOf(all).status, outcomeOf(never).status], ["done", "done"])
    }).pipe(
      Effect.provide(
        layer(world({ embedder: unasked, lease: () => Effect.succeed({ ...ensured, contextLength: 131_072 }) }))
      )
    )
  })

  it.effect("uses one that is only on disk by default, and not where the policy wants one in memory", () =>
    Effect.gen(function* () {
      assert.include(names(yield* few(run(umbrella))), "sky")
      const inMemory = yield* few(run(umbrella), { embeddings: "when-loaded" })
      assert.notInclude(names(inMemory), "sky")
      assert.deepStrictEqual(noted(inMemory), [])
    }).pipe(Effect.provide(layer(world({ embedder: { ...embedderOf(meaning([])), atHand: Effect.succeedNone } }))))
  )

  it.effect.each<readonly [string, Embed, RegExp]>([
    [
      "fails",
      () => new RequestRejected({ operation: "embed", serverMessage: "it is no embedding model" }),
      /by words alone: .*no embedding model/s
    ],
    ["gives too few vectors", answering([[1, 2]]), /cannot be compared/],
    [
      "gives vectors of different lengths",
      (texts) => answering(texts.map((_, n) => (n === 3 ? [1] : [1, 2])))([]),
      /cannot be/
    ],
    ["gives vectors without a direction", (texts) => answering(texts.map(() => [0, 0]))([]), /cannot be compared/]
  ])("notes once, not to the model, that the embedding model %s, and ranks by words", ([, embed, says]) =>
    Effect.gen(function* () {
      const events = yield* few(run(umbrella))
      assert.strictEqual(noted(events).length, 1)
      assert.match(noted(events)[0]?.text ?? "", says)
      assert.include(names(events), "take")
      assert.strictEqual(outcomeOf(events).status, "done")
    }).pipe(Effect.provide(layer(world({ embedder: embedderOf(embed) }))))
  )

  it.effect("waits no longer than the policy says", () =>
    Effect.gen(function* () {
      const running = yield* Effect.fork(few(run(umbrella), { embeddingWait: Duration.seconds(5) }))
      yield* TestClock.adjust("5 seconds")
      const events = yield* Fiber.join(running)
      assert.match(noted(events)[0]?.text ?? "", /no answer within 5s/)
      assert.strictEqual(outcomeOf(events).status, "done")
    }).pipe(Effect.provide(layer(world({ embedder: embedderOf(() => Effect.never) }))))
  )

  it.live("is recorded, so that a replay offers the same tools", () =>
    Effect.gen(function* () {
      const path = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/run.jsonl`
      const recording = CassetteRecording.layer(path).pipe(
        Layer.provide(services(world({ embedder: embedderOf(meaning([])) })))
      )
      const events = yield* Effect.provide(few(run(umbrella)), recording)
      const played = yield* few(run(umbrella)).pipe(
        Effect.provide(CassetteReplay.loop(path).pipe(Layer.provide(Settings.layerWith({}))))
      )
      assert.include(names(events), "sky")
      assert.deepStrictEqual(offered(played)?.offered, offered(events)?.offered)
      assert.deepStrictEqual(offered(played)?.choice, offered(events)?.choice)
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )
})
