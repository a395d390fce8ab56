/** Who is served: one run id and one request id on every log line, span and event, and the caller. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"

/** The id of one run of the agent loop: `run_` and 16 characters of a-z0-9. */
export const RunId = Schema.NonEmptyTrimmedString.pipe(Schema.brand("@lms-bridge/core/observability/RunId"))
export type RunId = typeof RunId.Type

export class CurrentRunId extends Context.Reference<CurrentRunId>()("@lms-bridge/core/observability/CurrentRunId", {
  defaultValue: (): Option.Option<RunId> => Option.none()
}) {}

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

/** So many characters of a-z0-9, from `Random` so that tests can fix them. */
const makeId = (length: number): Effect.Effect<string> =>
  Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, alphabet.length), length), (indexes) =>
    indexes.map((index) => alphabet[index]).join("")
  )

/** A new run id. */
export const makeRunId: Effect.Effect<RunId> = Effect.map(makeId(16), (id) => RunId.make(`run_${id}`))

/** Identifies the session of a client in logs; its requests are numbered within it. */
export const makeSessionId: Effect.Effect<string> = makeId(8)

/** The same of a session that has an id already: its beginning, because whoever has the whole may speak in it. */
export const sessionOf = (caller: string): string => caller.slice(0, 8)

/** Runs an effect as part of a run: its logs and spans carry the id. */
export const withRun =
  (runId: RunId) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    self.pipe(
      Effect.provideService(CurrentRunId, Option.some(runId)),
      Effect.annotateLogs({ runId }),
      Effect.annotateSpans({ "lms_bridge.run_id": runId })
    )

/** Runs an effect on behalf of one request of a client. Clients number their requests alike, so its session goes with it. */
export const withRequest =
  (session: string, requestId: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    self.pipe(
      Effect.annotateLogs({ session, requestId: `${session}/${requestId}` }),
      Effect.annotateSpans({ "lms_bridge.request_id": `${session}/${requestId}` })
    )

/**
 * The caller for whom work is done: an MCP client's session, where there are several. A run keeps the caller that started
 * it.
 */
export class CurrentCaller extends Context.Reference<CurrentCaller>()("@lms-bridge/core/observability/CurrentCaller", {
  defaultValue: () => ""
}) {}
