/**
 * The queue of parts of runs: by priority, callers in turns, first where the model is in memory, and with patience anywhere. A
 * lease gives what a dead worker had to the next one.
 */
import { Settings } from "@lms-bridge/core/Settings"
import * as PersistedQueue from "@effect/experimental/PersistedQueue"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Item } from "./AgentRun.ts"
import { patiently } from "./Database.ts"

/** What decides whether this process takes something; asked anew each time. */
export class Taker extends Context.Tag("@lms-bridge/cluster/Taker")<
  Taker,
  {
    readonly host: string
    /** Names of models, as the queue has them: those that this host can serve, and those of them in memory. */
    readonly models: Effect.Effect<{ readonly servable: ReadonlyArray<string>; readonly loaded: ReadonlyArray<string> }>
    readonly isOpen: Effect.Effect<boolean>
  }
>() {}

/** Why what was taken must be given up: a person cancelled the run, or the lease ran out. */
export type Loss = "cancelled" | "lost"

/** The leases of this process, by the id of the item. */
export class Leases extends Context.Tag("@lms-bridge/cluster/Leases")<
  Leases,
  {
    readonly loss: (id: string) => Effect.Effect<Loss>
    /** The name under which this process has the item, for statements that hold only while it does. */
    readonly holder: (id: string) => string
    /** What this process cannot read is left to others, and not taken again. */
    readonly refuse: (id: string, why: string) => Effect.Effect<void>
  }
>() {}

/** For those who only hand something in. */
export const layerOffer: Layer.Layer<PersistedQueue.PersistedQueueFactory, never, SqlClient> =
  PersistedQueue.layer.pipe(
    Layer.provide(
      Layer.effect(
        PersistedQueue.PersistedQueueStore,
        Effect.map(SqlClient, (sql) => ({ offer: offer(sql), take: () => Effect.never }))
      )
    )
  )

export const layer: Layer.Layer<PersistedQueue.PersistedQueueFactory | Leases, never, SqlClient | Taker | Settings> =
  PersistedQueue.layer.pipe(
    Layer.provideMerge(
      Layer.effectContext(
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const taker = yield* Taker
          const settings = yield* Settings
          const lease = Duration.toSeconds(settings.queueLease)
          const patience = Duration.toSeconds(settings.queuePatience)
          const held = new Map<string, { readonly loss: Deferred.Deferred<Loss>; readonly holder: string }>()
          const refused = new Set<string>()
          const refuse = refusing(refused)
          let taken = 0
          // one look each second is enough, however many slots are free
          const looking = Effect.unsafeMakeSemaphore(1)

          const next = Effect.fnUntraced(function* (queue: string) {
            if (!(yield* taker.isOpen)) return Option.none<Taken>()
            const { loaded, servable } = yield* taker.models
            const holder = `${taker.host}/${process.pid}#${++taken}`
            const rows = yield* sql<Taken>`
            with busy as (
              select caller, count(*) n from lms_queue where not done and taken_until > clock_timestamp() group by caller),
            next as (
              select q.id from lms_queue q left join busy b using (caller) left join lms_callers c using (caller)
              where q.queue = ${queue} and not q.done and q.id <> all(${[...refused]}::text[])
                and (q.taken_until is null or q.taken_until <= clock_timestamp())
                and (q.host is null or q.host = ${taker.host})
                and (q.model is null or q.model in (select unnest(${servable}::text[])))
                and (q.model is null or q.model in (select unnest(${loaded}::text[]))
                  or q.created_at < clock_timestamp() - make_interval(secs => ${patience})
                  or not exists (select 1 from lms_hosts h where q.model = any(h.names) and h.busy < h.slots
                    and not h.draining and h.beat_at > clock_timestamp() - interval '10 seconds'))
                and (q.avoid is null or q.avoid <> ${taker.host}
                  or q.created_at < clock_timestamp() - make_interval(secs => ${patience}))
              order by q.priority desc, coalesce(b.n, 0),
                (case when q.model is null or q.model in (select unnest(${loaded}::text[]))
                  or q.created_at < clock_timestamp() - make_interval(secs => ${patience}) then 0 else 1 end),
                c.served_at nulls first, q.created_at
              limit 1 for update of q skip locked),
            taken as (
              update lms_queue q set taken_by = ${holder}, taken_until = clock_timestamp() + make_interval(secs => ${lease}),
                attempts = q.attempts + 1
              from next where q.id = next.id
              returning q.id, q.attempts, q.element, q.taken_by as holder, q.caller),
            served as (
              insert into lms_callers (caller, served_at) select caller, clock_timestamp() from taken
              on conflict (caller) do update set served_at = excluded.served_at)
            select id, attempts, element, holder from taken`
            return Option.fromNullable(rows[0])
          })

          const take = Effect.fnUntraced(function* ({ name }: { readonly name: string }) {
            const readable = Effect.flatMap(next(name), (found) =>
              Option.isNone(found) || isItem(decodeElement(found.value.element))
                ? Effect.succeed(found)
                : Effect.as(
                    Effect.zipRight(
                      refuse(found.value.id, "it is in a form that this version does not know"),
                      giveBack(sql, found.value)
                    ),
                    Option.none<Taken>()
                  )
            )
            const found = yield* readable.pipe(
              Effect.tapError((error) => Effect.logDebug("the queue cannot be read", { cause: error.message })),
              Effect.orElseSucceed(() => Option.none<Taken>()),
              Effect.tap((found) => (Option.isSome(found) ? Effect.void : Effect.sleep("1 second"))),
              looking.withPermits(1),
              Effect.repeat({ until: Option.isSome })
            )
            const item = Option.getOrThrow(found)
            const loss = yield* Deferred.make<Loss>()
            held.set(item.id, { loss, holder: item.holder })
            yield* Effect.addFinalizer((exit) =>
              Effect.sync(() => held.delete(item.id)).pipe(
                Effect.zipRight(settle(sql, item, exit)),
                // whoever stops must not wait for the database: the lease runs out
                Effect.timeout("5 seconds"),
                Effect.ignore
              )
            )
            yield* renew(sql, item, lease).pipe(
              Effect.flatMap((why) => (why === undefined ? Effect.void : Deferred.succeed(loss, why))),
              Effect.ignore,
              Effect.repeat(Schedule.spaced(Duration.seconds(lease / 3))),
              Effect.interruptible,
              Effect.forkScoped
            )
            return { id: item.id, attempts: item.attempts, element: decodeElement(item.element) }
          })

          return Context.make(PersistedQueue.PersistedQueueStore, { offer: offer(sql), take }).pipe(
            Context.add(Leases, {
              loss: (id) =>
                Option.match(Option.fromNullable(held.get(id)), {
                  onNone: () => Effect.never,
                  onSome: ({ loss }) => Deferred.await(loss)
                }),
              holder: (id) => held.get(id)?.holder ?? "",
              refuse
            })
          )
        })
      )
    )
  )

/** Said once for each part: a look that began before the first refusal may bring the part again. */
export const refusing =
  (refused: Set<string>): Context.Tag.Service<Leases>["refuse"] =>
  (id, why) =>
    Effect.suspend(() => {
      if (refused.has(id)) return Effect.void
      refused.add(id)
      return Effect.logWarning("A part of a run is left to other workers.", { id, why })
    })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Taken {
  readonly id: string
  readonly attempts: number
  readonly element: string
  readonly holder: string
}

const Element = Schema.parseJson(Schema.Unknown)
const encodeElement = Schema.encodeSync(Element)
const decodeElement = Schema.decodeSync(Element)
const isItem = (element: unknown) => Option.isSome(decodeItem(element))
const decodeItem = Schema.decodeUnknownOption(Item)
const decodePayload = Schema.decodeUnknown(Schema.Struct({ payload: Schema.encodedSchema(Item.fields.payload) }))

/** An item that is there already is not entered again; the state of the run changes only with a new one. */
const offer =
  (sql: SqlClient): Context.Tag.Service<typeof PersistedQueue.PersistedQueueStore>["offer"] =>
  ({ element, id, name }) =>
    Effect.gen(function* () {
      const { payload } = yield* Effect.orDie(decodePayload(element))
      const { avoid, caller, host, model, priority, runId } = payload
      yield* patiently(sql`
        with entered as (
          insert into lms_queue ${sql.insert({ id, queue: name, run_id: runId, caller, model, priority, host, avoid, element: encodeElement(element) })}
          on conflict (id) do nothing returning run_id)
        update lms_runs r set state = 'queued', asked = null, updated_at = clock_timestamp()
        from entered where r.run_id = entered.run_id`)
    })

/** Done only while it is still ours. What was let go in order is not counted as an attempt. */
const settle = (sql: SqlClient, taken: Taken, exit: Exit.Exit<unknown, unknown>) =>
  Exit.isSuccess(exit)
    ? sql`update lms_queue set done = true where id = ${taken.id} and taken_by = ${taken.holder}`
    : giveBack(sql, taken)

const giveBack = (sql: SqlClient, { holder, id }: Taken) =>
  sql`update lms_queue set taken_by = null, taken_until = null, attempts = greatest(0, attempts - 1)
    where id = ${id} and taken_by = ${holder} and not done`

/** Undefined while the item is ours and the run is wanted. */
const renew = (sql: SqlClient, { holder, id }: Taken, lease: number) =>
  Effect.map(
    sql<{ readonly cancelled: boolean | null }>`
      with held as (
        update lms_queue set taken_until = clock_timestamp() + make_interval(secs => ${lease})
        where id = ${id} and taken_by = ${holder} and not done returning run_id)
      select r.cancelled from held left join lms_runs r using (run_id)`,
    ([row]): Loss | undefined => (row === undefined ? "lost" : row.cancelled === true ? "cancelled" : undefined)
  )
