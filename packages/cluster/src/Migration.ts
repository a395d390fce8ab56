/** The tables, made and changed by whoever comes first. What is stored is never renamed, only added to. */
import { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"

/** Under a lock: `create table if not exists` from several processes at once fails in some of them. */
export const migrate: Effect.Effect<void, SqlError, SqlClient> = Effect.flatMap(SqlClient, (sql) =>
  Effect.gen(function* () {
    yield* sql`select pg_advisory_xact_lock(${lock})`
    yield* sql`create table if not exists lms_schema (version int primary key, at timestamptz not null default now())`
    const [{ version = 0 } = {}] = yield* sql<{ readonly version: number | undefined }>`
      select coalesce(max(version), 0)::int as version from lms_schema`
    for (const [index, step] of steps.entries()) {
      if (index < version) continue
      yield* sql.unsafe(step)
      yield* sql`insert into lms_schema (version) values (${index + 1})`
    }
  }).pipe(sql.withTransaction)
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lock = 7_301_944_250

/** The events are text: `jsonb` refuses `\u0000` and lone surrogates. `pos` counts without gaps, which is the fence. */
const steps = [
  `create table lms_run_events (
     run_id text not null, pos int not null, seq int not null, tag text not null, event text not null,
     primary key (run_id, pos));
   create index lms_run_events_tag on lms_run_events (run_id, tag, pos desc);
   create table lms_runs (
     run_id text primary key, "from" int not null default 0, execution text, caller text not null default '', model text,
     priority int not null default 0, host text, how text, state text not null default 'new', asked int, status text,
     cancelled boolean not null default false, worker text,
     created_at timestamptz not null default clock_timestamp(), updated_at timestamptz not null default clock_timestamp());
   create index lms_runs_state on lms_runs (state, updated_at);
   create index lms_runs_created on lms_runs (created_at desc);
   create table lms_answers (
     run_id text not null, asked int not null, approved boolean not null, at timestamptz not null default clock_timestamp(),
     primary key (run_id, asked));
   create table lms_queue (
     id text primary key, queue text not null, run_id text not null, caller text not null default '', model text,
     priority int not null default 0, host text, avoid text, element text not null, attempts int not null default 0,
     created_at timestamptz not null default clock_timestamp(), taken_by text, taken_until timestamptz,
     done boolean not null default false);
   create index lms_queue_open on lms_queue (queue, priority desc, created_at) where not done;
   create index lms_queue_run on lms_queue (run_id);
   create table lms_hosts (
     name text primary key, process text not null, beat_at timestamptz not null, slots int not null, busy int not null,
     loaded text[] not null default '{}', names text[] not null default '{}', models text[] not null default '{}', version text not null,
     draining boolean not null default false);
   create table lms_upkeep (at timestamptz not null);
   insert into lms_upkeep values (clock_timestamp())`,
  // when each caller was served last: whose turn it is where all have as many runs under way
  `create table lms_callers (caller text primary key, served_at timestamptz not null)`,
  // which database this is, and the runs that may have gone on further than a restored one knows
  `create table lms_origin (id text not null);
   insert into lms_origin values ('');
   alter table lms_runs add column doubted boolean not null default false`
]
