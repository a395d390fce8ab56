/** What somebody has to see to, since any process may die between two writes; one worker at a time does it. */
import { Metrics } from "@lms-bridge/core/Observability"
import { Settings } from "@lms-bridge/core/Settings"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { AgentRun } from "./AgentRun.ts"
import * as Submissions from "./Submissions.ts"

export const forever = Effect.gen(function* () {
  const sql = yield* SqlClient
  const { queueKept } = yield* Settings
  const once = Effect.gen(function* () {
    const turn = yield* sql`
      update lms_upkeep set at = clock_timestamp() where at < clock_timestamp() - interval '5 seconds' returning 1`
    if (turn.length === 0) return
    yield* handIn(sql)
    yield* wakeAnswered(sql)
    yield* wakeMissed(sql)
    yield* prune(sql, queueKept)
  })
  yield* Effect.repeat(
    Effect.catchAllCause(once, (cause) => Effect.logDebug("upkeep failed", cause)),
    Schedule.jittered(Schedule.spaced("5 seconds"))
  )
})

/** The depth of the queue and the age of its oldest item, by model, and what the hosts have; read when somebody asks. */
export const measure = Effect.gen(function* () {
  const sql = yield* SqlClient
  const queued = yield* sql<{ readonly model: string; readonly depth: number; readonly oldest: number }>`
    select coalesce(model, '') as model, count(*)::int as depth,
      extract(epoch from clock_timestamp() - min(created_at))::float8 as oldest
    from lms_queue where not done and (taken_until is null or taken_until <= clock_timestamp()) group by 1`
  const seen = new Set(queued.map(({ model }) => model))
  for (const model of known) if (!seen.has(model)) setQueue(model, 0, 0)
  for (const { depth, model, oldest } of queued) setQueue(model, depth, oldest)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Models that were seen in the queue, whose numbers fall to 0 and do not stay. */
const known = new Set<string>([""])

const setQueue = (model: string, depth: number, oldest: number) => {
  known.add(model)
  Metrics.queueDepth.set({ model }, depth)
  Metrics.queueOldest.set({ model }, oldest)
}

/** A run has its start and no workflow: its front died between the two. */
const handIn = Effect.fnUntraced(function* (sql: SqlClient) {
  const rows = yield* sql<Submissions.Submitted>`
    select * from lms_runs where state <> 'ended' and execution is null
      and updated_at < clock_timestamp() - interval '5 seconds' limit 100`
  yield* Effect.forEach(rows, Submissions.execute, { discard: true })
})

/** A question has its answer and the run was not woken. */
const wakeAnswered = Effect.fnUntraced(function* (sql: SqlClient) {
  const rows = yield* sql<Submissions.Submitted>`
    select r.* from lms_runs r join lms_answers a using (run_id, asked)
    where r.state = 'waiting' and a.at < clock_timestamp() - interval '5 seconds' limit 100`
  yield* Effect.forEach(rows, (run) => (run.asked === null ? Effect.void : Submissions.wake(run, run.asked)), {
    discard: true
  })
})

/** A part ended before its workflow slept, which then did not hear of it. */
const wakeMissed = Effect.fnUntraced(function* (sql: SqlClient) {
  const rows = yield* sql<{ readonly execution: string }>`
    select execution from lms_runs r where state in ('running', 'queued') and execution is not null
      and updated_at < clock_timestamp() - interval '10 seconds'
      and not exists (select 1 from lms_queue q where q.run_id = r.run_id and not q.done) limit 100`
  yield* Effect.forEach(rows, ({ execution }) => Submissions.steadily(AgentRun.resume(execution)), { discard: true })
})

/** The oldest ended runs beyond the limit, with all that the queue and the engine have of them. */
const prune = Effect.fnUntraced(function* (sql: SqlClient, most: number) {
  const old = yield* sql<{ readonly run_id: string; readonly execution: string | null }>`
    select run_id, execution from lms_runs where state = 'ended' order by updated_at desc offset ${most} limit 200`
  yield* sql`delete from lms_callers where served_at < clock_timestamp() - interval '1 day'`
  if (old.length === 0) return
  const runs = old.map(({ run_id }) => run_id)
  const executions = old.flatMap(({ execution }) => execution ?? [])
  yield* Effect.all([
    sql`delete from lms_run_events where ${sql.in("run_id", runs)}`,
    sql`delete from lms_answers where ${sql.in("run_id", runs)}`,
    sql`delete from lms_queue where ${sql.in("run_id", runs)}`,
    sql`delete from lms_runs where ${sql.in("run_id", runs)}`,
    ...(executions.length === 0
      ? []
      : [
          sql`delete from cluster_replies where request_id in
            (select id from cluster_messages where ${sql.in("entity_id", executions)})`,
          sql`delete from cluster_messages where ${sql.in("entity_id", executions)}`
        ])
  ]).pipe(sql.withTransaction)
})
