/** PostgreSQL, where the machines of a team meet: the connection, and what to do while it is away. */
import { Settings } from "@lms-bridge/core/Settings"
import { PgClient } from "@effect/sql-pg"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Line from "./Line.ts"

export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  /** Without the password. */
  where: Schema.String,
  detail: Schema.String
}) {
  readonly retryable = true
  override get message() {
    return `The database at ${this.where} (LMS_BRIDGE_DATABASE_URL) cannot be used: ${this.detail}.`
  }
}

/** A pool of connections. Fails when nothing answers at the address. */
export const layer: Layer.Layer<SqlClient, DatabaseUnavailable, Settings> = Layer.unwrapEffect(
  Effect.gen(function* () {
    const { databaseUrl } = yield* Settings
    if (Option.isNone(databaseUrl)) return yield* Effect.dieMessage("no database is set")
    const url = databaseUrl.value
    return PgClient.layer({
      url,
      maxConnections: 8,
      connectTimeout: "5 seconds",
      stream: Line.make,
      applicationName: "lms-bridge"
    }).pipe(Layer.mapError((error) => new DatabaseUnavailable({ where: withoutSecrets(url), detail: detailOf(error) })))
  })
)

/** The SQLSTATE of a failed statement; undefined where the connection failed. */
export const stateOf = ({ cause }: SqlError): string | undefined => {
  const code = codeOf(cause)
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

export const isDuplicate = (error: SqlError): boolean => stateOf(error) === "23505"

/** Whether the database may take the same statement later: it is starting, stopping, full or out of reach. */
export const isAway = (error: SqlError): boolean => {
  const state = stateOf(error)
  return state === undefined || /^(08|40|53|55P03|57)/.test(state)
}

/** Asks again each second while the database is away, for as long as a restart may take. What fails otherwise is a bug. */
export const patiently = <A, E, R>(
  self: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, Exclude<E, SqlError>, R> =>
  Effect.retry(self, { schedule: patience, while: (error) => isSqlError(error) && isAway(error) }).pipe(
    Effect.catchAll((error) => (isSqlError(error) ? Effect.die(error) : Effect.fail(error as Exclude<E, SqlError>)))
  )

/** Two minutes: longer than any lease, so that what waits has been taken over since. */
export const patience = Schedule.spaced("1 second").pipe(Schedule.upTo("2 minutes"))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isSqlError = (error: unknown): error is SqlError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "SqlError"

const codeOf = (cause: unknown): string | undefined =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined

const withoutSecrets = (url: Redacted.Redacted): string => {
  const { host, pathname } = new URL(Redacted.value(url))
  return `${host}${pathname}`
}

/** In the words of the driver, which has no password in them. */
const detailOf = (error: { readonly message: string; readonly cause?: unknown }): string => {
  const { cause } = error
  const code = codeOf(cause)
  const told = cause instanceof Error && cause.message !== "" ? cause.message : error.message
  return told === "" ? (code ?? "it does not answer") : told.replace(/\.$/, "")
}
