/** The machines that carry runs out. Each enters itself and beats; there is no list to keep. */
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { Settings } from "@lms-bridge/core/Settings"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as os from "node:os"
import { patiently } from "./Database.ts"

export const Host = Schema.Struct({
  name: Schema.String,
  state: Schema.Literal("ready", "draining", "gone"),
  slots: Schema.Int,
  busy: Schema.Int,
  /** Models in memory. */
  loaded: Schema.Array(Schema.String),
  version: Schema.String,
  /** Seconds since it was heard of. */
  silent: Schema.Number
})
export type Host = typeof Host.Type

export class HostTaken extends Schema.TaggedError<HostTaken>()("HostTaken", { name: Schema.String }) {
  readonly retryable = true
  override get message() {
    return `A worker with the name "${this.name}" is there already. Stop that one, or give this one another name with LMS_BRIDGE_HOST_NAME.`
  }
}

export class HostNotFound extends Schema.TaggedError<HostNotFound>()("HostNotFound", {
  name: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    const some = this.known.length === 0 ? "There are none." : `There are: ${this.known.join(", ")}.`
    return `There is no host "${this.name}". ${some}`
  }
}

export const nameOf = Effect.map(Settings, ({ hostName }) => Option.getOrElse(hostName, () => os.hostname()))

export const list = Effect.flatMap(SqlClient, (sql) =>
  patiently(sql<Host>`
    select name, slots, busy, loaded, version,
      round(extract(epoch from clock_timestamp() - beat_at)::numeric, 1)::float8 as silent,
      case when beat_at < clock_timestamp() - make_interval(secs => ${goneAfter}) then 'gone'
        when draining then 'draining' else 'ready' end as state
    from lms_hosts order by name`)
)

/** A host that drains takes nothing more, and goes on with what it has. */
export const drain = Effect.fnUntraced(function* (name: string, draining: boolean) {
  const sql = yield* SqlClient
  const changed = yield* patiently(sql`update lms_hosts set draining = ${draining} where name = ${name} returning 1`)
  if (changed.length > 0) return
  return yield* new HostNotFound({ name, known: (yield* list).map((host) => host.name) })
})

/** What this host says of itself, and what it is told: kept up to date until the scope closes, then it is gone. */
export const register = Effect.fnUntraced(function* (options: {
  readonly name: string
  readonly slots: number
  readonly version: string
  readonly busy: Effect.Effect<number>
}) {
  const { busy, name, slots, version } = options
  const sql = yield* SqlClient
  const process = globalThis.crypto.randomUUID()
  const models = yield* Ref.make<Models>({ servable: [], loaded: [], resident: [], answers: false })
  const drains = yield* Ref.make(false)
  const beat = Effect.gen(function* () {
    const { loaded, resident, servable } = yield* Ref.get(models)
    const rows = yield* sql<{ readonly draining: boolean }>`
      insert into lms_hosts (name, process, beat_at, slots, busy, loaded, names, models, version)
      values (${name}, ${process}, clock_timestamp(), ${slots}, ${yield* busy}, ${resident}::text[], ${loaded}::text[], ${servable}::text[],
        ${version})
      on conflict (name) do update set process = excluded.process, beat_at = excluded.beat_at, slots = excluded.slots,
        busy = excluded.busy, loaded = excluded.loaded, names = excluded.names, models = excluded.models, version = excluded.version
      where lms_hosts.process = excluded.process
        or lms_hosts.beat_at < clock_timestamp() - make_interval(secs => ${goneAfter})
      returning draining`
    yield* Effect.forEach(rows, ({ draining }) => Ref.set(drains, draining), { discard: true })
    return rows.length > 0
  })
  yield* Ref.set(models, yield* look)
  if (!(yield* patiently(beat))) return yield* new HostTaken({ name })
  yield* Effect.addFinalizer(() =>
    sql`delete from lms_hosts where name = ${name} and process = ${process} and not draining`.pipe(
      Effect.timeout("2 seconds"),
      Effect.ignore
    )
  )
  const often = <E, R>(effect: Effect.Effect<unknown, E, R>) =>
    Effect.forkScoped(Effect.repeat(Effect.ignore(effect), Schedule.spaced(beatEach)))
  yield* often(beat)
  yield* often(Effect.flatMap(look, (found) => Ref.set(models, found)))
  return {
    models: Ref.get(models),
    isDraining: Ref.get(drains),
    /** Whether LM Studio answers. What it could not carry out is better left to others. */
    answers: Effect.map(Ref.get(models), ({ answers }) => answers)
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const beatEach = Duration.seconds(2)
const goneAfter = 10

interface Models {
  /** Names in the queue for which this host has a model, in the words of the queue; `loaded`: and has it in memory. */
  readonly servable: ReadonlyArray<string>
  readonly loaded: ReadonlyArray<string>
  /** Keys of the models in memory. */
  readonly resident: ReadonlyArray<string>
  readonly answers: boolean
}

/** People write names in many ways; whether this host has such a model is found out for those that are waited for. */
const look = Effect.gen(function* () {
  const sql = yield* SqlClient
  const { loaded, resolve } = yield* ModelLifecycle
  const { ping } = yield* LmStudioApi
  const answers = yield* Effect.isSuccess(Effect.timeout(ping, "5 seconds"))
  if (!answers) return { servable: [], loaded: [], resident: [], answers }
  const names = yield* sql<{ readonly model: string }>`
    select distinct model from lms_queue where not done and model is not null limit 200`
  const resident = yield* Effect.map(loaded, (all) => [...new Set(all.map(({ model }) => model))]).pipe(
    Effect.timeout("5 seconds"),
    Effect.orElseSucceed((): ReadonlyArray<string> => [])
  )
  const keys = yield* Effect.forEach(
    names,
    ({ model }) =>
      resolve(model, "chat").pipe(
        Effect.timeout("5 seconds"),
        Effect.map((key) => ({ model, key })),
        Effect.option
      ),
    { concurrency: 4 }
  )
  const servable = keys.flatMap(Option.toArray)
  return {
    servable: servable.map(({ model }) => model),
    loaded: servable.filter(({ key }) => resident.includes(key)).map(({ model }) => model),
    resident,
    answers
  }
})
