/**
 * Runs on several machines: what those have who hand runs in, and what a worker does. Loaded only where a database is set.
 */
import { RunnerAddress } from "@effect/cluster/RunnerAddress"
import type { PersistedQueueFactory } from "@effect/experimental/PersistedQueue"
import { SqlClient } from "@effect/sql/SqlClient"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Bridge from "@lms-bridge/core/Bridge"
import { Metrics } from "@lms-bridge/core/Observability"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import { Settings } from "@lms-bridge/core/Settings"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as AgentRun from "./AgentRun.ts"
import * as ClusterLoop from "./ClusterLoop.ts"
import * as Database from "./Database.ts"
import * as Engine from "./Engine.ts"
import * as Hosts from "./Hosts.ts"
import * as Journal from "./Journal.ts"
import { migrate } from "./Migration.ts"
import * as Queue from "./Queue.ts"
import * as Submissions from "./Submissions.ts"
import * as Upkeep from "./Upkeep.ts"
import * as Worker from "./Worker.ts"

export { DatabaseUnavailable } from "./Database.ts"
export { PortTaken } from "./HealthServer.ts"
export { HostNotFound, HostTaken } from "./Hosts.ts"
export { NothingAsked } from "./Submissions.ts"
export { CurrentSubmission, type Submission } from "./Journal.ts"
export * as HealthServer from "./HealthServer.ts"
export * as Hosts from "./Hosts.ts"
export * as Submissions from "./Submissions.ts"
export { measure } from "./Upkeep.ts"

export type Services = Bridge.Services | Shared
export type Shared = SqlClient | PersistedQueueFactory | WorkflowEngine

/** The services of those who hand runs in, and look at them: the loop is that of the workers. */
export const front: Layer.Layer<Services, Database.DatabaseUnavailable, Bridge.Platform | Settings> = Layer.suspend(
  () =>
    ClusterLoop.layer.pipe(
      Layer.provideMerge(Bridge.layerOver(Journal.layerBeside.pipe(Layer.provide(RunJournal.layer)))),
      Layer.provideMerge(Layer.merge(Queue.layerOffer, Engine.layer(Option.none()))),
      Layer.provideMerge(database)
    )
)

/** The services of a worker, which has the runs of the database and its own LM Studio. */
export const layerWorker: Layer.Layer<
  Bridge.Services | SqlClient,
  Database.DatabaseUnavailable,
  Bridge.Platform | Settings
> = Layer.suspend(() => Bridge.layerOver(Journal.layer).pipe(Layer.provideMerge(database)))

export interface WorkerOptions {
  readonly version: string
  readonly drain: Duration.DurationInput
}

/** Carries runs out until the scope closes; then each run stops after its step, and what is left goes to others. */
export const work = Effect.fnUntraced(function* ({ drain, version }: WorkerOptions) {
  const { hostSlots } = yield* Settings
  const name = yield* Hosts.nameOf
  const busy = yield* Ref.make(0)
  const isDraining = yield* Ref.make(false)
  const host = yield* Hosts.register({ name, slots: hostSlots, version, busy: Ref.get(busy) })
  const isOpen = Effect.zipWith(host.isDraining, Ref.get(isDraining), (one, other) => !one && !other)
  const canTake = Effect.zipWith(isOpen, host.answers, (open, answers) => open && answers)
  const address = new RunnerAddress({ host: `${name}-${globalThis.crypto.randomUUID()}`, port: 1 })
  const services = AgentRun.layer.pipe(
    Layer.provideMerge(Layer.merge(Queue.layer, Engine.layer(Option.some(address)))),
    Layer.provideMerge(Layer.succeed(Queue.Taker, { host: name, models: host.models, isOpen: canTake }))
  )
  const context = yield* Layer.build(services)
  yield* Effect.provide(Effect.forkScoped(Upkeep.forever), context)
  yield* Effect.provide(Worker.start({ busy, isDraining, drain }), context)
  const measure = Effect.gen(function* () {
    Metrics.hostSlots.set({ host: name }, hostSlots)
    Metrics.hostBusy.set({ host: name }, yield* Ref.get(busy))
    yield* Upkeep.measure
  })
  const sql = yield* SqlClient
  return {
    name,
    slots: hostSlots,
    isOpen,
    look: sql`select 1`,
    measure: Effect.ignore(Effect.timeout(measure, "2 seconds")).pipe(Effect.provideService(SqlClient, sql))
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const database = Database.layer.pipe(
  Layer.tap((context) => Effect.provide(Effect.zipRight(Effect.orDie(migrate), Submissions.doubtRestored), context))
)
