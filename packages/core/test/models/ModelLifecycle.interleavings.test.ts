import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, FastCheck, Fiber, Option, Ref } from "effect"
import { ModelLifecycle, type ModelLifecycleError } from "#src/models/ModelLifecycle.ts"
import type { Ensured } from "#src/models/Ensured.ts"
import type { LoadFailed, NoSuchInstance } from "@lms-bridge/simulator/SimulatorControl"
import type { SimulatorEvent } from "@lms-bridge/simulator/SimulatorEvent"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { layer, onMachine, llama, qwen, qwen8, type Options } from "./simulated.ts"

/** What happens in one second of a run; all of it may overlap, because a load takes longer. */
type Step =
  | {
      readonly _tag: "Ensure"
      readonly model: string
      readonly contextLength: number | undefined
      readonly makeRoom: boolean
    }
  | {
      readonly _tag: "Lease"
      readonly model: string
      readonly seconds: number
      readonly chat: boolean
      readonly makeRoom: boolean
    }
  | { readonly _tag: "GiveUp"; readonly which: number }
  | { readonly _tag: "Unload"; readonly which: number }
  | { readonly _tag: "UserLoads"; readonly model: string }
  | { readonly _tag: "UserUnloads"; readonly which: number }
  | { readonly _tag: "Busy"; readonly which: number; readonly seconds: number }
  | { readonly _tag: "Crash"; readonly which: number }
  | { readonly _tag: "Wait"; readonly seconds: number }

const { array, boolean, constantFrom, integer, nat, oneof, option, record, constant } = FastCheck
const model = constantFrom(qwen, qwen8, llama)
const which = nat({ max: 3 })
const tag = <const T extends string>(value: T) => constant(value)

const step: FastCheck.Arbitrary<Step> = oneof(
  {
    weight: 4,
    arbitrary: record({
      _tag: tag("Ensure"),
      model,
      contextLength: option(constantFrom(2048, 8192, 16_384), { nil: undefined }),
      makeRoom: boolean()
    })
  },
  {
    weight: 4,
    arbitrary: record({
      _tag: tag("Lease"),
      model,
      seconds: integer({ min: 0, max: 8 }),
      chat: boolean(),
      makeRoom: boolean()
    })
  },
  { weight: 1, arbitrary: record({ _tag: tag("GiveUp"), which }) },
  { weight: 2, arbitrary: record({ _tag: tag("Unload"), which }) },
  { weight: 2, arbitrary: record({ _tag: tag("UserLoads"), model }) },
  { weight: 1, arbitrary: record({ _tag: tag("UserUnloads"), which }) },
  { weight: 2, arbitrary: record({ _tag: tag("Busy"), which, seconds: integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: record({ _tag: tag("Crash"), which }) },
  { weight: 1, arbitrary: record({ _tag: tag("Wait"), seconds: constantFrom(3, 40) }) }
)

/** There are never two loads of ours for one key in flight. */
const mostLoadsAtOnce = (events: ReadonlyArray<SimulatorEvent>) => {
  const inFlight = new Map<string, number>()
  let most = 0
  for (const event of events) {
    if (!("key" in event) || event.by === "user" || event.type === "unloaded") continue
    const count = (inFlight.get(event.key) ?? 0) + (event.type === "loadStarted" ? 1 : -1)
    inFlight.set(event.key, count)
    most = Math.max(most, count)
  }
  return most
}

const run = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>) {
  const lifecycle = yield* ModelLifecycle
  const control = yield* SimulatorControl
  const callers: Array<Fiber.RuntimeFiber<unknown>> = []
  const wrong = yield* Ref.make<ReadonlyArray<string>>([])

  /** A success must be true at the moment it is reported. */
  const checked = (asked: number | undefined) => (ensured: Ensured) =>
    Effect.gen(function* () {
      const { instances } = yield* control.snapshot
      const now = yield* Clock.currentTimeMillis
      const instance = instances.find(({ id }) => id === ensured.instanceId)
      const justGone = (yield* control.events).some(
        (event) => event.type === "unloaded" && event.id === ensured.instanceId && event.at === now
      )
      const holds =
        instance === undefined
          ? justGone
          : instance.key === ensured.model && (asked === undefined || instance.contextLength >= asked)
      if (!holds) yield* Ref.update(wrong, (all) => [...all, JSON.stringify({ ensured, instances })])
    })

  const nth = (index: number) =>
    Effect.map(control.snapshot, ({ instances }) =>
      Option.fromNullable(instances[index % Math.max(1, instances.length)])
    )

  const withNth = <A, E>(index: number, use: (id: string) => Effect.Effect<A, E>) =>
    Effect.flatMap(nth(index), Option.match({ onNone: () => Effect.void, onSome: ({ id }) => Effect.asVoid(use(id)) }))

  const attempt = (one: Step): Effect.Effect<unknown, ModelLifecycleError | LoadFailed | NoSuchInstance> => {
    switch (one._tag) {
      case "Ensure":
        return Effect.flatMap(
          lifecycle.ensureLoaded(one.model, {
            contextLength: one.contextLength,
            makeRoom: one.makeRoom,
            ttl: "1 minute"
          }),
          checked(one.contextLength)
        )
      case "Lease":
        return lifecycle.withModel(one.model, { ttl: "1 minute", makeRoom: one.makeRoom })((lease) =>
          Effect.flatMap(lease.ensured, checked(undefined)).pipe(
            Effect.zipRight(
              one.chat
                ? Effect.flatMap(lease.chat({ messages: [{ role: "user", content: "hi" }] }), () =>
                    Effect.flatMap(lease.ensured, checked(undefined))
                  )
                : Effect.void
            ),
            Effect.zipRight(Effect.sleep(Duration.seconds(one.seconds)))
          )
        )
      case "GiveUp":
        return Effect.suspend(() => {
          const caller = callers[one.which]
          return caller === undefined ? Effect.void : Fiber.interrupt(caller)
        })
      case "Unload":
        return withNth(one.which, (id) => lifecycle.unload(id))
      case "UserLoads":
        return control.loadAsUser(one.model)
      case "UserUnloads":
        return withNth(one.which, control.unloadAsUser)
      case "Busy":
        return withNth(one.which, (id) =>
          control
            .setBusy(id, "generating")
            .pipe(
              Effect.zipRight(Effect.sleep(Duration.seconds(one.seconds))),
              Effect.zipRight(control.setBusy(id, "idle"))
            )
        )
      case "Crash":
        return withNth(one.which, control.crash)
      case "Wait":
        return Effect.void
    }
  }

  for (const one of steps) {
    const fiber = yield* Effect.fork(Effect.exit(attempt(one)))
    if (one._tag === "Ensure" || one._tag === "Lease") callers.push(fiber)
    yield* Effect.sleep(one._tag === "Wait" ? Duration.seconds(one.seconds) : "1 second")
  }
  yield* Effect.forEach(callers, Fiber.await)
  // nothing is used any more: in the end only what the user loaded is in memory
  const settled = control.until(
    ({ instances, loading }) => loading.length === 0 && instances.every(({ by }) => by === "user")
  )
  const drained = yield* Effect.timeoutOption(settled, "10 minutes")

  const events = yield* control.events
  const invariants = yield* control.invariants
  return {
    wrong: yield* Ref.get(wrong),
    mostLoadsAtOnce: mostLoadsAtOnce(events),
    unloadsWhileBusy: invariants.unloadsWhileBusy,
    unloadsOfUserModels: invariants.unloadsOfUserModels,
    loadsWithoutTtl: invariants.loadsWithoutTtl,
    nothingStays: Option.isSome(drained)
  }
})

const good = {
  wrong: [],
  mostLoadsAtOnce: 1,
  unloadsWhileBusy: 0,
  unloadsOfUserModels: 0,
  loadsWithoutTtl: 0,
  nothingStays: true
}

const worlds: ReadonlyArray<readonly [name: string, options: Options]> = [
  ["with `lms`", {}],
  ["with `lms` and little memory", { simulator: { settings: { memoryBudgetBytes: 8e9 } } }],
  // the requests of other programs are then invisible, so there are none
  ["without `lms`", { lms: false }],
  ["on an older server", { simulator: { settings: { api: "legacy-v0" } } }]
]

describe("ModelLifecycle: interleavings", () => {
  for (const [index, [name, options]] of worlds.entries()) {
    it.effect(
      `${name}: one load at a time, nothing busy or of the user unloaded, nothing for ever, every success true`,
      () =>
        Effect.forEach(
          FastCheck.sample(array(step, { minLength: 4, maxLength: 14 }), { numRuns: 50, seed: index + 1 }).map(
            (steps) => (options.lms === false ? steps.filter(({ _tag }) => _tag !== "Busy") : steps)
          ),
          (steps) =>
            Effect.map(
              run(steps).pipe(
                onMachine(
                  layer({
                    ...options,
                    simulator: {
                      ...options.simulator,
                      settings: {
                        loadTime: Duration.millis(2700),
                        spinnerInterval: Duration.seconds(1),
                        ...options.simulator?.settings
                      }
                    }
                  })
                ),
                Effect.exit
              ),
              (exit) =>
                assert.deepStrictEqual(
                  Exit.match(exit, {
                    onFailure: (cause) => cause.toString(),
                    onSuccess: (result) => ({ ...result, mostLoadsAtOnce: Math.max(1, result.mostLoadsAtOnce) })
                  }),
                  good,
                  JSON.stringify(steps)
                )
            ),
          { discard: true }
        ),
      300_000
    )
  }
})
