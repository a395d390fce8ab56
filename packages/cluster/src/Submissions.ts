/** The runs of the queue: who handed them in, how far they are, and what a person says to them. */
import { present } from "@lms-bridge/core/Json"
import { CurrentCaller } from "@lms-bridge/core/Observability"
import type { AgentEventBody } from "@lms-bridge/core/AgentEvent"
import { stamp } from "@lms-bridge/core/AgentEvent"
import type { Answer, Resumption } from "@lms-bridge/core/AgentLoop"
import { RunId, RunJournal, RunNotFound } from "@lms-bridge/core/RunJournal"
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { AgentRun, Approval } from "./AgentRun.ts"
import { patiently } from "./Database.ts"

/**
 * Marks the runs of a database that was restored from a copy: what they did since the copy is not in it. A copy is told by
 * the numbers that its tables have where they are now, and by the timeline of what is written now: that of the last checkpoint,
 * which is easier to ask for, changes only minutes after a standby was promoted.
 */
export const doubtRestored = Effect.gen(function* () {
  const sql = yield* SqlClient
  const rows = yield* patiently(sql`
    with here as (
      select (select system_identifier from pg_control_system()) || '/'
        || ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
        || '/' || (select oid from pg_database where datname = current_database())
        || '/' || 'lms_runs'::regclass::oid as id),
    changed as (
      update lms_origin o set id = here.id from here where o.id <> here.id returning 1),
    earlier as (select o.id from lms_origin o, changed where o.id <> '')
    update lms_runs set doubted = true where state <> 'ended' and exists (select 1 from earlier) returning 1`)
  if (rows.length > 0) yield* Effect.logWarning("The database was restored from a copy.", { doubted: rows.length })
})

export interface Submitted {
  readonly run_id: string
  readonly from: number
  readonly execution: string | null
  readonly caller: string
  readonly model: string | null
  readonly priority: number
  readonly host: string | null
  readonly how: string | null
  readonly state: "new" | "queued" | "running" | "waiting" | "ended"
  readonly asked: number | null
  readonly cancelled: boolean
  readonly doubted: boolean
  readonly worker: string | null
}

/** A run waits for an answer to another question, or for none. */
export class NothingAsked extends Schema.TaggedError<NothingAsked>()("NothingAsked", {
  runId: Schema.String,
  state: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `The run ${this.runId} asks nothing now: it is ${this.state}. \`lms-bridge runs ls --status waiting\` lists those that do.`
  }
}

export const find = Effect.fnUntraced(function* (runId: string) {
  const sql = yield* SqlClient
  const [row] = yield* patiently(sql<Submitted>`select * from lms_runs where run_id = ${runId}`)
  return row === undefined ? yield* new RunNotFound({ runId }) : row
})

/** Whether the run is one of the queue. */
export const isThere = Effect.fnUntraced(function* (runId: string) {
  return Either.isRight(yield* Effect.either(find(runId)))
})

/** Hands a run in that has its start in the journal. The same run again does nothing more. */
export const execute = Effect.fnUntraced(function* (submitted: Submitted) {
  const sql = yield* SqlClient
  const payload = {
    runId: submitted.run_id,
    from: submitted.from,
    caller: submitted.caller,
    model: submitted.model,
    priority: submitted.priority,
    host: submitted.host,
    how: submitted.how === null ? null : decodeHow(submitted.how)
  }
  const execution = yield* steadily(AgentRun.execute(payload, { discard: true }))
  yield* patiently(sql`
    update lms_runs set execution = ${execution}, state = case when state = 'new' then 'queued' else state end
    where run_id = ${submitted.run_id} and "from" = ${submitted.from}`)
  return execution
})

/** Hands a run in again that has ended, or was never handed in: with other budgets, and what was approved. */
export const again = Effect.fnUntraced(function* (runId: string, lastSeq: number, how: Resumption) {
  const sql = yield* SqlClient
  const { approved, budgets, contextLength } = how
  const kept = encodeHow(present({ approved, budgets, contextLength }))
  const caller = yield* CurrentCaller
  yield* patiently(sql`
    insert into lms_runs ${sql.insert({ run_id: runId, from: lastSeq, caller, how: kept })}
    on conflict (run_id) do update set "from" = ${lastSeq}, how = ${kept}, state = 'new', asked = null,
      cancelled = false, status = null, execution = null, updated_at = clock_timestamp()
    where lms_runs.state = 'ended'`)
  return yield* execute(yield* find(runId))
})

export const answers = Effect.fnUntraced(function* (runId: string) {
  const sql = yield* SqlClient
  return yield* patiently(sql<Answer>`select asked, approved from lms_answers where run_id = ${runId}`)
})

/** The first answer counts. It is stored before the run is woken, so that no question is asked again for want of it. */
export const answer = Effect.fnUntraced(function* (runId: string, asked: number, approved: boolean) {
  const sql = yield* SqlClient
  yield* patiently(sql`
    insert into lms_answers ${sql.insert({ run_id: runId, asked, approved })} on conflict (run_id, asked) do nothing`)
  yield* wake(yield* find(runId), asked)
})

/** A worker that was stopped in between may have told the workflow of an earlier question: it goes on from that one too. */
export const wake = Effect.fnUntraced(function* ({ execution, run_id }: Submitted, asked: number) {
  if (execution === null) return
  const sql = yield* SqlClient
  const questions = yield* patiently(sql<{ readonly seq: number }>`
    select seq from lms_run_events where run_id = ${run_id} and tag = 'ApprovalAsked' and seq <= ${asked}`)
  yield* Effect.forEach(
    questions,
    ({ seq }) =>
      steadily(
        DurableDeferred.done(Approval(seq), {
          token: DurableDeferred.tokenFromExecutionId(Approval(seq), { workflow: AgentRun, executionId: execution }),
          exit: Exit.void
        })
      ),
    { discard: true }
  )
})

/** Answers the question that the run waits for. */
export const approve = Effect.fnUntraced(function* (runId: string, approved: boolean) {
  const run = yield* find(runId)
  if (run.state !== "waiting" || run.asked === null) return yield* new NothingAsked({ runId, state: run.state })
  yield* answer(runId, run.asked, approved)
})

/** A run that is under way is stopped by its worker, at the latest with the next renewal of its lease. */
export const cancel = Effect.fnUntraced(function* (runId: string) {
  const sql = yield* SqlClient
  const run = yield* find(runId)
  if (run.state === "ended") return "ended" as const
  yield* patiently(sql`update lms_runs set cancelled = true, updated_at = clock_timestamp() where run_id = ${runId}`)
  const free = yield* patiently(sql`
    update lms_queue set done = true, taken_by = null where run_id = ${runId} and not done
      and (taken_until is null or taken_until <= clock_timestamp()) returning 1`)
  if (run.state === "running" && free.length === 0) return "asked" as const
  yield* close(runId, cancelled)
  yield* ended(runId, "failed")
  if (run.execution !== null) yield* steadily(AgentRun.interrupt(run.execution))
  return "cancelled" as const
})

export const cancelled: AgentEventBody = {
  _tag: "RunFailed",
  problem: { tag: "Cancelled", message: "The run was cancelled." }
}

/** Writes the last event of a run that nobody carries out. */
export const close = Effect.fnUntraced(function* (runId: string, body: AgentEventBody) {
  const journal = yield* RunJournal
  const events = yield* journal.read(runId)
  const last = events.at(-1)
  if (last === undefined || last._tag === "RunFinished") return
  const at = yield* Clock.currentTimeMillis
  const write = yield* journal.open(RunId.make(runId), last.seq)
  // somebody else has written the end
  yield* Effect.ignore(write([stamp(body, RunId.make(runId), last.seq + 1, at)]))
}, Effect.scoped)

/** Who has the part of the run. A worker that was stopped for longer than its lease says nothing of the run any more. */
export interface Held {
  readonly id: string
  readonly holder: string
}

const isHeld = (sql: SqlClient, { holder, id }: Held) =>
  sql`exists (select 1 from lms_queue where id = ${id} and taken_by = ${holder} and not done)`

/** False: it is not ours any more. */
export const running = Effect.fnUntraced(function* (runId: string, worker: string, held: Held) {
  const sql = yield* SqlClient
  const changed = yield* patiently(sql`
    update lms_runs set state = 'running', worker = ${worker}, asked = null, updated_at = clock_timestamp()
    where run_id = ${runId} and ${isHeld(sql, held)} returning 1`)
  return changed.length > 0
})

/** False: it is not ours any more. */
export const waiting = Effect.fnUntraced(function* (runId: string, asked: number, held: Held) {
  const sql = yield* SqlClient
  const changed = yield* patiently(sql`
    update lms_runs set state = 'waiting', asked = ${asked}, updated_at = clock_timestamp()
    where run_id = ${runId} and ${isHeld(sql, held)} returning 1`)
  return changed.length > 0
})

/** Whether the part is still ours. */
export const isOurs = Effect.fnUntraced(function* (held: Held) {
  const sql = yield* SqlClient
  return (yield* patiently(sql`select 1 where ${isHeld(sql, held)}`)).length > 0
})

export const ended = Effect.fnUntraced(function* (runId: string, status: string) {
  const sql = yield* SqlClient
  yield* patiently(sql`
    update lms_runs set state = 'ended', status = ${status}, asked = null, updated_at = clock_timestamp()
    where run_id = ${runId}`)
})

/** The engine fails at once while the database is away. */
export const steadily = <A, E, R>(self: Effect.Effect<A, E, R | WorkflowEngine>) =>
  Effect.sandbox(self).pipe(Effect.retry(Schedule.spaced("1 second").pipe(Schedule.upTo("2 minutes"))), Effect.orDie)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const How = Schema.parseJson(Schema.typeSchema(AgentRun.payloadSchema.fields.how))
const decodeHow = Schema.decodeSync(How)
const encodeHow = Schema.encodeSync(How)
