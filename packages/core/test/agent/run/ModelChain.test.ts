import { assert, describe, it } from "@effect/vitest"
import { AgentLoop } from "#src/agent/AgentLoop.ts"
import type { AgentTask } from "#src/agent/AgentTask.ts"
import { ModelCrashed, ModelLoadFailed, ModelLoadRefused, ModelNotFound } from "#src/lmstudio/LmStudioError.ts"
import type { EnsureOptions } from "#src/models/EnsureOptions.ts"
import type { ModelLifecycleError } from "#src/models/ModelLifecycle.ts"
import { ModelUnfit } from "#src/models/ModelUnfit.ts"
import { lackOf, Suitability } from "#src/registry/Suitability.ts"
import { CircuitOpen } from "#src/resilience/CircuitBreaker.ts"
import { Chunk, Duration, Effect, Layer, Stream } from "effect"
import * as World from "../doubles.ts"

const { call, echo, only, outcomeOf, run } = World

const deleted = new ModelNotFound({ model: "a", available: ["b"], nearest: [] })
const tooLarge = (model: string) => new ModelLoadRefused({ model, couldUnload: [], serverMessage: "no memory" })
const crashed: World.Turn = { fail: new ModelCrashed({ model: "a", reason: "Crashed", serverMessage: "signal 11" }) }

interface Leased {
  readonly name: string | undefined
  readonly ability: EnsureOptions["ability"]
}

/** Models by name; those with an error cannot be had. */
const over = (
  world: Omit<World.World, "lease">,
  unavailable: Readonly<Record<string, ModelLifecycleError>> = {},
  suitability?: typeof Suitability.Service
) => {
  const leased: Array<Leased> = []
  const layer = World.layer({
    servers: { main: { echo } },
    ...world,
    lease: (options, name) =>
      Effect.suspend(() => {
        leased.push({ name, ability: options?.ability })
        const error = unavailable[name ?? ""]
        return error === undefined
          ? Effect.succeed({ ...World.ensured, model: name ?? "default", instanceId: name ?? "default" })
          : Effect.fail(error)
      })
  })
  return {
    leased,
    layer: suitability === undefined ? layer : Layer.provide(layer, Layer.succeed(Suitability, suitability))
  }
}

const task = (changes: Partial<AgentTask> = {}) => World.task({ model: "a", fallback: ["b", "c"], ...changes })

describe("a run whose model keeps failing", () => {
  it.effect("goes on with the next one where the first was deleted, and says where", () => {
    const { layer, leased } = over({ turns: [[call("echo", { message: "one" })], { fail: deleted }, "Done."] })
    return Effect.gen(function* () {
      const events = yield* run(task())
      const [given] = only(events, "ModelGivenUp")
      assert.deepInclude(given, { model: "a", rounds: 2, toolCalls: 1 })
      assert.match(given?.text ?? "", /^a is given up in round 2 and a tool call, which stay done: .*The next is b\.$/)
      const outcome = outcomeOf(events)
      assert.deepInclude(outcome, { status: "done", answer: "Done.", model: "b", rounds: 3 })
      assert.strictEqual(outcome.usage.inputTokens, 20)
      const seen = yield* World.Seen
      assert.deepStrictEqual(
        seen.requests[2]?.messages.map(({ role }) => role),
        ["system", "user", "assistant", "tool"]
      )
      assert.deepStrictEqual(
        leased.map(({ name }) => name),
        ["a", "b"]
      )
      assert.deepStrictEqual(seen.open, [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("goes on when it crashes twice, and not when it crashes once", () =>
    Effect.gen(function* () {
      const twice = yield* run(task()).pipe(Effect.provide(over({ turns: [crashed, crashed, "Done."] }).layer))
      assert.strictEqual(only(twice, "RequestRepeated").length, 1)
      assert.deepInclude(outcomeOf(twice), { status: "done", model: "b" })
      const once = yield* run(task()).pipe(Effect.provide(over({ turns: [crashed, "Done."] }).layer))
      assert.deepInclude(outcomeOf(once), { status: "done", model: "a" })
      const alone = yield* run(World.task({ model: "a" })).pipe(
        Effect.provide(over({ turns: [crashed, crashed] }).layer)
      )
      assert.deepInclude(outcomeOf(alone).problem, { tag: "ModelCrashed" })
    })
  )

  it.effect("takes the next one from the start where it does not fit", () => {
    const { layer } = over({ turns: ["Done."] }, { a: tooLarge("a") })
    return Effect.gen(function* () {
      const events = yield* run(task())
      const [ready] = only(events, "ModelReady")
      assert.deepStrictEqual(
        ready?.ensured.steppedDown.map(({ model }) => model),
        ["a"]
      )
      assert.deepInclude(outcomeOf(events), { status: "done", model: "b" })
      assert.strictEqual(only(events, "ModelGivenUp").length, 0)
    }).pipe(Effect.provide(layer))
  })

  it.effect("names each model with its reason where none is left, in the middle and at the start", () =>
    Effect.gen(function* () {
      const middle = over(
        { turns: [[call("echo", { message: "one" })], crashed, crashed, { fail: deleted }] },
        { b: tooLarge("b") }
      )
      const { problem, status } = outcomeOf(yield* run(task()).pipe(Effect.provide(middle.layer)))
      assert.deepInclude(problem, { tag: "NoModelLeft" })
      assert.strictEqual(status, "failed")
      assert.match(problem?.message ?? "", /^No model of the task is left\. a: .*signal 11.* b: .*no memory.* c: /)

      const last = over({ turns: [crashed, crashed] }, { b: tooLarge("b"), c: tooLarge("c") })
      const unloadable = outcomeOf(yield* run(task()).pipe(Effect.provide(last.layer)))
      assert.match(unloadable.problem?.message ?? "", /a: .*signal 11.* b: .* c: .*no memory/)

      const engine = new ModelLoadFailed({ model: "c", reason: "Ended", serverMessage: "broken file" })
      const none = over({ turns: [] }, { a: deleted, b: tooLarge("b"), c: engine })
      const error = yield* Effect.flip(run(task()).pipe(Effect.provide(none.layer)))
      assert.strictEqual(error._tag, "NoModelLeft")
      assert.match(error.message, /a: .* b: .*no memory.* c: .*broken file/)
    })
  )

  it.effect("passes over one that lacks what the task needs, and says so", () => {
    const image = { _tag: "Image" as const, name: "a.png", dataUrl: "data:image/png;base64,AA==" }
    const { layer, leased } = over(
      { turns: [crashed, crashed, "Done."] },
      { b: new ModelUnfit({ ability: "vision", model: "b", suited: [] }) }
    )
    return Effect.gen(function* () {
      const events = yield* run(task({ attachments: [image] }))
      assert.deepInclude(outcomeOf(events), { status: "done", model: "c" })
      const ready = only(events, "ModelReady").at(-1)
      assert.match(ready?.ensured.steppedDown[0]?.reason ?? "", /"b" cannot see images/)
      assert.deepStrictEqual(
        leased.map(({ ability }) => ability),
        ["chat", "vision", "vision"]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks what is known of the next one before it is loaded", () => {
    const { layer, leased } = over(
      { turns: [crashed, crashed, "Done."] },
      {},
      {
        lacking: (name, needs) => Effect.succeed(name === "b" && needs.tools ? "It makes no calls." : undefined)
      }
    )
    return Effect.gen(function* () {
      const events = yield* run(task())
      assert.deepInclude(outcomeOf(events), { status: "done", model: "c" })
      assert.deepStrictEqual(
        leased.map(({ name }) => name),
        ["a", "c"]
      )
      assert.isTrue(only(events, "Preparing").some(({ what }) => what === "Using c instead of b: It makes no calls."))
    }).pipe(Effect.provide(layer))
  })

  it.live("waits for the breaker that the model before has opened", () => {
    const open = { fail: new CircuitOpen({ name: "chat", retryAfter: Duration.millis(20) }) }
    const { layer } = over({ turns: [open, open, "Done."] })
    return Effect.gen(function* () {
      assert.deepInclude(outcomeOf(yield* run(task())), { status: "done", model: "b" })
    }).pipe(Effect.provide(layer))
  })

  it.effect("goes on with the model that it was handed over to when it is resumed", () => {
    const { layer, leased } = over(
      { turns: [crashed, crashed, [call("echo", { message: "one" })], "So far.", "Done."] },
      { b: tooLarge("b") }
    )
    return Effect.gen(function* () {
      const budgets = { rounds: 3, wallMillis: 600_000, toolCalls: 50 }
      const first = yield* run(task({ budgets }))
      assert.deepInclude(outcomeOf(first), { status: "budget", model: "c" })
      const loop = yield* AgentLoop
      const runId = first[0]?.runId ?? ""
      const again = Chunk.toReadonlyArray(
        yield* Stream.runCollect(loop.resume(runId, { budgets: { ...budgets, rounds: 9 } }))
      )
      assert.deepInclude(outcomeOf(again), { status: "done", answer: "Done.", model: "c" })
      assert.deepStrictEqual(
        leased.map(({ name }) => name),
        ["a", "b", "c", "c"]
      )
    }).pipe(Effect.provide(layer))
  })
})

describe("what a model lacks", () => {
  const needs = { vision: false, tools: false, schema: false, context: 0 }
  const word = (holds: boolean, value?: number) => ({
    source: "verified" as const,
    holds,
    trials: 3,
    at: 0,
    ...(value === undefined ? {} : { value })
  })

  it("is only what is known", () => {
    assert.isUndefined(lackOf([], { images: true, tools: true, schema: true, tokens: 100_000 }))
    const blind = [{ capability: "vision" as const, evidence: [word(false)] as const }]
    assert.match(lackOf(blind, { ...needs, images: true }) ?? "", /^does not see images$/)
    assert.isUndefined(lackOf(blind, needs))
    const native = { capability: "toolCalls" as const, evidence: [word(false)] as const }
    assert.isUndefined(lackOf([native], { ...needs, tools: true }))
    const none = [
      native,
      { capability: "callsInText" as const, evidence: [word(false)] as const },
      { capability: "boundSteps" as const, evidence: [word(false)] as const }
    ]
    assert.match(lackOf(none, { ...needs, tools: true }) ?? "", /^makes no tool calls$/)
    const short = [{ capability: "context" as const, evidence: [word(true, 4096)] as const }]
    assert.match(
      lackOf(short, { ...needs, tokens: 5000 }) ?? "",
      /4096 tokens of context, and the task needs about 5000/
    )
    const declared = [
      {
        capability: "context" as const,
        evidence: [word(true, 7500), { ...word(true, 8192), source: "declared" as const }] as const
      }
    ]
    assert.isUndefined(lackOf(declared, { contextLength: 8192 }))
    assert.match(lackOf(declared, { contextLength: 9000 }) ?? "", /at most 8192 tokens/)
  })
})
