/**
 * The journal of runs in the database. The key `(run_id, pos)` is the fence: `pos` counts without gaps, so that a process that
 * does not know all that is stored finds its number taken, and has called nothing by then.
 */
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import {
  EventLine,
  RunFollowing,
  type RunId,
  RunIds,
  RunInProgress,
  RunJournal,
  RunNotFound,
  RunSummary,
  RunTakenOver
} from "@lms-bridge/core/RunJournal"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { isAway, isDuplicate, patience, patiently } from "./Database.ts"

/** What is stored with the start of a run that is handed in: both or neither, whenever the front dies. */
export interface Submission {
  readonly caller: string
  readonly priority: number
  /** The only host that may take the run. */
  readonly host: Option.Option<string>
}

export class CurrentSubmission extends Context.Reference<CurrentSubmission>()("@lms-bridge/cluster/CurrentSubmission", {
  defaultValue: (): Option.Option<Submission> => Option.none()
}) {}

/** Who carries a run out holds its lease: nobody else is asked. */
export const layer: Layer.Layer<RunJournal, never, SqlClient> = Layer.effect(
  RunJournal,
  Effect.map(SqlClient, (sql) => make(sql))
)

/**
 * For those who hand runs in and look at them: the runs of the database and, besides, those that this machine keeps itself.
 * A run that is queued, under way or waiting is in progress.
 */
export const layerBeside: Layer.Layer<RunJournal, never, SqlClient | RunJournal> = Layer.effect(
  RunJournal,
  Effect.gen(function* () {
    const here = yield* RunJournal
    const sql = yield* SqlClient
    const there = make(sql)
    const isThere = (runId: string) =>
      patiently(
        Effect.map(sql`select 1 from lms_run_events where run_id = ${runId} limit 1`, (rows) => rows.length > 0)
      )
    const where = (runId: string) => Effect.map(isThere(runId), (so) => (so ? there : here))
    return RunJournal.of({
      ...there,
      open: (runId, after) =>
        Effect.flatMap(CurrentSubmission, (submission) =>
          Option.isSome(submission)
            ? there.open(runId, after)
            : Effect.flatMap(where(runId), ({ open }) => open(runId, after))
        ),
      read: (runId) => Effect.flatMap(where(runId), ({ read }) => read(runId)),
      list: Effect.zipWith(here.list, there.list, (a, b) => RunSummary.newestFirst([...a, ...b])),
      find: Effect.fnUntraced(function* (text) {
        const [first, others] = yield* Effect.all([here.list, there.list])
        const all = RunSummary.newestFirst([...first, ...others])
        return yield* RunIds.meant(
          text,
          all.map(({ runId }) => runId),
          all[0]?.runId
        )
      }),
      idle: (events) =>
        Effect.flatMap(where(events[0]?.runId ?? ""), (journal) =>
          journal === here ? here.idle(events) : notInProgress(sql, events[0]?.runId ?? "")
        ),
      remove: (runId) =>
        Effect.flatMap(where(runId), (journal) =>
          journal === here ? here.remove(runId) : Effect.zipRight(notInProgress(sql, runId), there.remove(runId))
        )
    })
  })
)

/** The kind of the first event that this version cannot read: another one wrote it. */
export const unreadable = Effect.fnUntraced(function* (runId: string) {
  const sql = yield* SqlClient
  const rows = yield* patiently(sql<Row>`
    select tag, event from lms_run_events where run_id = ${runId} order by pos`)
  return rows.find(({ event }) => EventLine.read(event) === undefined)?.tag
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Row {
  readonly run_id: string
  readonly pos: number
  readonly seq: number
  readonly tag: string
  readonly event: string
}

const eventsOf = (rows: ReadonlyArray<Pick<Row, "event">>): ReadonlyArray<AgentEvent> =>
  rows.flatMap(({ event }) => EventLine.read(event) ?? [])

const mostListed = 1000
/** As in the file of a run. */
const mostLine = 32 * 1024 * 1024

const make = (sql: SqlClient): Context.Tag.Service<typeof RunJournal> => {
  const from = (runId: string, seq: number) =>
    patiently(sql<Row>`
      select event from lms_run_events where run_id = ${runId} and seq >= ${seq} order by pos`).pipe(
      Effect.map(eventsOf),
      Effect.filterOrFail(
        (events) => events.length > 0 || seq > 0,
        () => new RunNotFound({ runId })
      )
    )
  const list = patiently(sql<Row & { readonly state: string | null }>`
    with newest as (
      select run_id, max(seq) from lms_run_events where pos = 0 group by run_id),
    kept as (
      select n.run_id, r.state from newest n left join lms_runs r using (run_id)
      order by r.created_at desc nulls last limit ${mostListed})
    select distinct on (e.run_id, e.tag) e.run_id, e.pos, e.tag, e.event, k.state
    from lms_run_events e join kept k using (run_id)
    where e.pos = 0 or e.tag in ('RunResumed', 'ModelReady', 'RoundStarted', 'ApprovalAsked', 'RunFinished', 'RunFailed')
    order by e.run_id, e.tag, e.pos desc`).pipe(
    Effect.map((rows) => {
      const runs = new Map<string, Array<(typeof rows)[number]>>()
      for (const row of rows) runs.set(row.run_id, [...(runs.get(row.run_id) ?? []), row])
      return RunSummary.newestFirst(
        [...runs.values()].flatMap((own) =>
          Option.toArray(
            Option.map(
              RunSummary.ofLines(own.toSorted((a, b) => a.pos - b.pos).map(({ event }) => event)),
              ({ summary }) => ({ ...summary, status: stateOf(own[0]?.state) ?? summary.status })
            )
          )
        )
      )
    })
  )
  return {
    open: Effect.fnUntraced(function* (runId, after) {
      const submission = yield* CurrentSubmission
      let pos = after === undefined ? 0 : yield* positionAfter(sql, runId, after)
      return (events) =>
        Effect.suspend(() =>
          append(
            sql,
            events.map((event, index) => rowOf(runId, pos + index, event)),
            submission
          )
        ).pipe(
          Effect.map(() => {
            pos += events.length
            return undefined
          })
        )
    }),
    read: (runId) => from(runId, 0),
    follow: RunFollowing.of(from),
    list,
    find: (text) =>
      Effect.flatMap(list, (all) =>
        RunIds.meant(
          text,
          all.map(({ runId }) => runId),
          all[0]?.runId
        )
      ),
    idle: () => Effect.void,
    remove: Effect.fnUntraced(function* (runId) {
      const removed = yield* patiently(
        Effect.zipLeft(
          sql`delete from lms_run_events where run_id = ${runId} and pos = 0 returning 1`,
          Effect.all([
            sql`delete from lms_run_events where run_id = ${runId}`,
            sql`delete from lms_answers where run_id = ${runId}`,
            sql`delete from lms_queue where run_id = ${runId}`,
            sql`delete from lms_runs where run_id = ${runId}`
          ])
        ).pipe(sql.withTransaction)
      )
      if (removed.length === 0) return yield* new RunNotFound({ runId })
    }),
    unkept: Effect.succeedNone,
    process: Option.none()
  }
}

/** How a run of the queue is listed while it is in progress. */
const stateOf = (state: string | null | undefined): RunSummary.RunSummary["status"] | undefined =>
  state === "running" || state === "queued" || state === "waiting" ? state : state === "new" ? "queued" : undefined

const notInProgress = (sql: SqlClient, runId: string) =>
  patiently(sql`select 1 from lms_runs where run_id = ${runId} and state <> 'ended'`).pipe(
    Effect.filterOrFail(
      (rows) => rows.length === 0,
      () => new RunInProgress({ runId })
    ),
    Effect.asVoid
  )

const rowOf = (runId: RunId, pos: number, event: AgentEvent): Row => ({
  run_id: runId,
  pos,
  seq: event.seq,
  tag: event._tag,
  event: EventLine.stored(event, mostLine)
})

/** The number after that of the last event that the caller knows; 0, which is taken, where that is not there. */
const positionAfter = (sql: SqlClient, runId: string, seq: number) =>
  patiently(
    Effect.map(
      sql<{ readonly pos: number }>`select pos from lms_run_events where run_id = ${runId} and seq = ${seq}`,
      ([row]) => (row === undefined ? 0 : row.pos + 1)
    )
  )

/** All of them or none. A number that is taken may be our own, whose answer was lost with the connection. */
const append = (sql: SqlClient, rows: ReadonlyArray<Row>, submission: Option.Option<Submission>) => {
  const [first] = rows
  if (first === undefined) return Effect.void
  const { run_id: runId } = first
  const there = Effect.map(
    sql<Row>`select pos, event from lms_run_events where run_id = ${runId} and pos >= ${first.pos}`,
    (found) => new Map(found.map(({ event, pos }) => [pos, event]))
  )
  // a database that was restored does not know what comes before
  const insert = sql`
    insert into lms_run_events (run_id, pos, seq, tag, event)
    select ${runId}, u.* from unnest(${rows.map(({ pos }) => pos)}::int[], ${rows.map(({ seq }) => seq)}::int[],
      ${rows.map(({ tag }) => tag)}::text[], ${rows.map(({ event }) => event)}::text[]) u
    where ${first.pos} = 0 or exists (select 1 from lms_run_events where run_id = ${runId} and pos = ${first.pos} - 1)
    returning 1`.pipe(
    Effect.filterOrFail(
      (written) => written.length > 0,
      () => new RunTakenOver({ runId })
    )
  )
  const written =
    first.tag === "RunStarted" && Option.isSome(submission)
      ? Effect.zipRight(insert, submit(sql, first, submission.value)).pipe(sql.withTransaction)
      : insert
  return written.pipe(
    Effect.asVoid,
    Effect.catchIf(
      (error) => error._tag === "SqlError" && isDuplicate(error),
      () =>
        Effect.filterOrFail(
          there,
          (found) => rows.every(({ event, pos }) => found.get(pos) === event),
          () => new RunTakenOver({ runId })
        ).pipe(Effect.asVoid)
    ),
    Effect.retry({ schedule: patience, while: (error) => error._tag === "SqlError" && isAway(error) }),
    // away for longer than any lease: somebody else has it, or will
    Effect.catchTag("SqlError", (error) =>
      Effect.zipRight(
        Effect.logWarning("The journal of this run cannot be written, so the run is let go.", { cause: error.message }),
        Effect.fail(new RunTakenOver({ runId }))
      )
    )
  )
}

const submit = (sql: SqlClient, { event, run_id }: Row, { caller, host, priority }: Submission) => {
  const started = EventLine.read(event)
  const model = started?._tag === "RunStarted" ? (started.task.model ?? null) : null
  return sql`insert into lms_runs ${sql.insert({ run_id, caller, priority, model, host: Option.getOrNull(host) })}
    on conflict (run_id) do nothing`
}
