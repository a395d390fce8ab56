/**
 * Failure scenarios as data: what goes wrong, what a user does, and what they see. Each runs over the real services and
 * a simulated LM Studio, keeps the invariants, and leaves a row for docs/resilience.md.
 */
import * as Fs from "node:fs"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { type Context, Duration, Effect, Layer, Option, type Scope, Stream } from "effect"
import { AgentLoop } from "#src/agent/AgentLoop.ts"
import { Settings } from "#src/configuration/Settings.ts"
import type { ChatEvent, ChatReply, ChatRequest } from "#src/lmstudio/Chat.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { Embedder } from "#src/models/catalog/Embedder.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import type { EnsureOptions } from "#src/models/EnsureOptions.ts"
import type { Ensured } from "#src/models/Ensured.ts"
import { Resilience } from "#src/resilience/Resilience.ts"
import { type Handler, layerTest } from "@lms-bridge/testing/McpRegistryTest"
import type { Operation, Outcome } from "@lms-bridge/simulator/Faults"
import type { TurnInput } from "@lms-bridge/simulator/Script"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import type { Invariants } from "@lms-bridge/simulator/SimulatorEvent"
import { layer, lmsCalls, onMachine, qwen, requests, type Options } from "../models/simulated.ts"

export const classes = [
  "model loading",
  "concurrency",
  "resource exhaustion",
  "edge cases",
  "wire failures",
  "process failures"
] as const
export type Class = (typeof classes)[number]

export const chatRoute = "POST /v1/chat/completions"

type Environment = Layer.Layer.Success<ReturnType<typeof layer>> | Scope.Scope

/** What every error of lms-bridge has. */
interface Told {
  readonly _tag: string
  readonly message: string
}

export interface Scenario {
  /** Unique, in the form `loading/unknown-name`. */
  readonly id: string
  readonly class: Class
  /** Of part H of the contract, `H1` to `H34`. */
  readonly quirks?: ReadonlyArray<`H${number}`>
  /** What goes wrong, in one sentence. */
  readonly given: string
  readonly options?: Options
  /** Brings it about and does what a user does; succeeds with what they are told, made of facts. */
  readonly run: Effect.Effect<string, Told, Environment>
  /** The error's tag and words, or the outcome. */
  readonly expect: { readonly tag: string; readonly says?: RegExp } | { readonly outcome: RegExp }
  /** Counts that may be exceeded, because the user asked for it. */
  readonly allow?: Partial<Invariants>
}

/** Registers the scenarios of one file as tests and writes their rows to `reports/scenarios/<file>.json`. */
export const scenarios = (file: string, all: ReadonlyArray<Scenario>): void => {
  const rows = new Map<string, unknown>()
  // one after another: a test that waits for its turn at the processor would run into its limit
  describe.sequential(`Scenarios: ${file}`, () => {
    it("have ids of their own", () => {
      assert.strictEqual(new Set(all.map(({ id }) => id)).size, all.length)
    })
    for (const scenario of all) {
      it.effect(`${scenario.id}: ${scenario.given}`, () =>
        Effect.map(onMachine(layer(scenario.options))(check(scenario)), (row) => rows.set(scenario.id, row))
      )
    }
    afterAll(() => {
      Fs.mkdirSync(reports, { recursive: true })
      const report = { expected: all.length, rows: all.flatMap(({ id }) => rows.get(id) ?? []) }
      Fs.writeFileSync(new URL(`${file}.json`, reports), `${JSON.stringify(report, undefined, 2)}\n`)
    })
  })
}

const reports = new URL("../../../../reports/scenarios/", import.meta.url)

const check = Effect.fnUntraced(function* (scenario: Scenario) {
  const control = yield* SimulatorControl
  const { result, seen } = yield* Effect.either(scenario.run).pipe(
    Effect.map((either) =>
      either._tag === "Left"
        ? { result: either.left._tag, seen: either.left.message }
        : { result: "goes on", seen: either.right }
    )
  )
  const { expect } = scenario
  if ("tag" in expect) {
    assert.strictEqual(result, expect.tag, seen)
    if (expect.says !== undefined) assert.match(seen, expect.says)
  } else {
    assert.strictEqual(result, "goes on", seen)
    assert.match(seen, expect.outcome)
  }
  const counts = yield* control.invariants
  const most: Omit<Invariants, "restLoads"> = {
    maxLoadsInFlightPerKey: 1,
    unloadsWhileBusy: 0,
    unloadsOfUserModels: 0,
    loadsWithoutTtl: 0,
    ...scenario.allow
  }
  for (const name of [
    "maxLoadsInFlightPerKey",
    "unloadsWhileBusy",
    "unloadsOfUserModels",
    "loadsWithoutTtl"
  ] as const) {
    assert.isAtMost(counts[name], most[name], `the invariant ${name}`)
  }
  const { problems, requests: sent } = yield* control.seen
  assert.deepStrictEqual(problems, [])
  for (const { body } of sent) assert.notDeepInclude(Object(body), { model: "default" })
  const { class: of, given, id, quirks = [] } = scenario
  return { id, class: of, quirks, given, result, seen: readable(seen) }
})

/** Ids that are drawn, and parts of seconds, differ from run to run. */
const readable = (text: string) =>
  text
    .replaceAll(/\b((?:resp|chatcmpl|msg|job|call)[-_])[A-Za-z0-9]{6,}/g, "$1…")
    .replaceAll(/\b\d{5,}(?= characters)/g, "…")
    .replaceAll(/(\d+s) \d+ms\b/g, "$1")

// -----------------------------------------------------------------------------
// what users do
// -----------------------------------------------------------------------------

export const control = <A, E, R>(use: (control: Context.Tag.Service<SimulatorControl>) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(SimulatorControl, use)

/** Steps of the setting that cannot fail in a sound test. */
export const arrange = <A, E, R>(use: (control: Context.Tag.Service<SimulatorControl>) => Effect.Effect<A, E, R>) =>
  Effect.orDie(control(use))

export const fault = (operation: Operation, outcomes: ReadonlyArray<Outcome>, afterwards?: Outcome) =>
  control((simulator) => simulator.script(operation, outcomes, afterwards))

export const says = (...turns: ReadonlyArray<TurnInput>) => control((simulator) => simulator.scriptModel(turns))

type Ensure = [name: string | undefined, options?: EnsureOptions]

export const ensure = (...[name, options]: Ensure) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(name, options))

export const unload = (id: string = qwen, options?: { readonly force?: boolean }) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.unload(id, options))

/** The error of what has to fail. */
export const failing = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<E, never, R> =>
  Effect.catchAll(Effect.flip(self), () => Effect.dieMessage("It did not fail."))

/** `lms-bridge models ensure` in words. */
export const loaded = ({ action, contextLength, instanceId, model, owner, steppedDown, ttlMillis, way }: Ensured) =>
  [
    `${model} is ${action}`,
    ...(way === undefined ? [] : [`by ${way}`]),
    ...(instanceId === model ? [] : [`as ${instanceId}`]),
    ...(contextLength === undefined ? [] : [`with a context of ${contextLength}`]),
    ...(owner === "user" ? ["by its user"] : []),
    ...(ttlMillis === undefined ? [] : [`until idle for ${Duration.format(Duration.millis(ttlMillis))}`]),
    ...(steppedDown.length === 0
      ? []
      : [`after ${steppedDown.map((step) => `${step.model} (${step.reason})`).join(", ")}`])
  ].join(", ") + "."

export const ensures = (...args: Ensure) => Effect.map(ensure(...args), loaded)

const hello = [{ role: "user" as const, content: "hi" }]

export const chatReply = (model: string = qwen, changes: Partial<ChatRequest> = {}) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) =>
    lifecycle.withModel(model)((lease) => lease.chat({ messages: hello, ...changes }))
  )

/** A chat through a lease, in words. */
export const chats = (model: string = qwen, changes: Partial<ChatRequest> = {}) =>
  Effect.map(chatReply(model, changes), answered)

export const answered = ({ content, finishReason, model, reasoning, toolCalls }: ChatReply) =>
  [
    `${model} answers "${content}"`,
    ...(reasoning === "" ? [] : [`thinking "${reasoning}"`]),
    ...toolCalls.map((call) => `calling ${call.name} with ${call.arguments === "" ? "nothing" : call.arguments}`),
    `and ends with "${finishReason}"`
  ].join(", ") + "."

/** A chat straight at the API, with a model that is loaded and no life cycle around it. */
export const asks = (model: string = qwen, changes: Partial<ChatRequest> = {}) =>
  Effect.map(
    api((lmStudio) => lmStudio.chat({ messages: hello, ttlSeconds: 600, ...changes, model })),
    answered
  )

export const api = <A, E, R>(use: (api: Context.Tag.Service<LmStudioApi>) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(LmStudioApi, use)

export const lms = <A, E, R>(use: (lms: Context.Tag.Service<LmsCli>) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(LmsCli, use)

/** Text that had come before the end, and how it ended. */
export const partsOf = (model: string = qwen) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) =>
    lifecycle.withModel(model)((lease) =>
      Effect.suspend(() => {
        let text = ""
        const onEvent = (event: ChatEvent) =>
          Effect.sync(() => {
            if (event._tag === "TextDelta") text += event.text
          })
        return Effect.map(lease.chatWith({ messages: hello }, onEvent), () => text)
      })
    )
  )

export const loadsBegun = control((simulator) =>
  Effect.map(simulator.events, (events) => events.filter(({ type }) => type === "loadStarted").length)
)

/** Requests of a route since the last `clearSeen`. */
export const asked = (route: string) => Effect.map(requests, (all) => all.filter((one) => one === route).length)

export const called = (command: string) =>
  Effect.map(lmsCalls, (all) => all.filter((one) => one.startsWith(command)).length)

export const breakers = Effect.flatMap(Resilience, ({ breakers: all }) =>
  Effect.map(all, (views) => views.map(({ name, state }) => `${name} ${state._tag}`).join(", "))
)

const echo = { type: "object", properties: { message: { type: "string" } }, required: ["message"] }
const said: Handler = ({ message }) => Effect.succeed(`Echo: ${String(message)}`)

/** A task with one tool, which says again what it is given, through the agent loop, in words. */
export const taskWith = (tool: string) =>
  Effect.gen(function* () {
    const loop = yield* AgentLoop
    const last = yield* Stream.runLast(
      loop.run({
        task: "Say hi.",
        model: qwen,
        servers: { _tag: "Named", names: ["main"] },
        budgets: { rounds: 10, wallMillis: 600_000, toolCalls: 20 }
      })
    )
    if (Option.isNone(last) || last.value._tag !== "RunFinished") return "The run has no end."
    const { answer, problem, rounds, status, toolCalls } = last.value.outcome
    return `${status}: "${answer}", ${toolCalls.length} tool call(s), ${rounds} rounds${problem === undefined ? "" : `, ${problem.message}`}.`
  }).pipe(
    Effect.provide(
      AgentLoop.layer.pipe(
        Layer.provide(
          layerTest({
            main: { tools: { [tool]: { description: "Says it again.", inputSchema: echo, handler: said } } }
          })
        ),
        Layer.provide(Embedder.layer),
        Layer.provide(Settings.layerWith({}))
      )
    )
  )

export const task = taskWith("echo")
