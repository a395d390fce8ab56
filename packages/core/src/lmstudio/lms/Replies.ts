/** Decodes the output of the subcommands: JSON of many versions, and the sentences of versions without JSON. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { type DaemonStatus, type LogEvent, type ServerStatus, LmsInstance, LmsModel } from "../LmsModel.ts"
import { LmsCliError } from "../LmsCliError.ts"
import { listOf, open, openArray } from "../../schema/Fields.ts"
import * as Messages from "./Messages.ts"
import type * as Runner from "./Runner.ts"

/** Decodes the JSON in the output; fails with `Output` if there is none. */
export const decode =
  <A>(subcommand: string, decoder: (json: string) => Effect.Effect<A, ParseResult.ParseError>) =>
  ({ stdout }: Runner.Output) =>
    Effect.mapError(
      decoder(Messages.jsonIn(stdout)),
      (cause) => new LmsCliError({ reason: "Output", subcommand, detail: stdout.trim().slice(0, 200), cause })
    )

/** `lms ps --json`. */
export const decodeInstances = Schema.decode(Schema.parseJson(listOf(LmsInstance)))

/** `lms ls --json`. */
export const decodeModels = Schema.decode(Schema.parseJson(listOf(LmsModel)))

/** `lms ls --variants --json`. */
export const decodeVariants = Schema.decode(
  Schema.parseJson(listOf(Schema.Struct({ model: LmsModel, variants: openArray(LmsModel) })))
)

/** `lms server status --json`. */
export const decodeServerStatus = (json: string) =>
  Effect.map(decodeServer(json), ({ port, running }): ServerStatus => ({ running, port }))

/** The same before February 2026, when there was only a sentence. */
export const serverStatusText = (stderr: string): Effect.Effect<ServerStatus, LmsCliError> => {
  const running = /is running on port (\d+)/.exec(stderr)
  if (running !== null) return Effect.succeed({ running: true, port: Number(running[1]) })
  return /is not running/.test(stderr)
    ? Effect.succeed({ running: false, port: undefined })
    : new LmsCliError({ reason: "Output", subcommand: "server status", detail: Messages.tail(stderr) })
}

/** `lms daemon status --json`. */
export const decodeDaemonStatus = (json: string) =>
  Effect.map(decodeDaemon(json), ({ isDaemon, pid, status }): DaemonStatus => ({
    running: status === "running",
    pid,
    isDaemon
  }))

/** `lms version --json`. */
export const decodeVersion = (json: string) => Effect.map(decodeVersionJson(json), ({ version }) => version)

/** The same for older versions. */
export const versionText = (stdout: string) =>
  stdout.trim() === ""
    ? new LmsCliError({ reason: "Output", subcommand: "version", detail: "(no output)" })
    : Effect.succeed(stdout.trim().slice(0, 200))

/** A line of `lms log stream --json`. None for lines that are not events, such as the banner. */
export const decodeLogLine = (line: string): Option.Option<LogEvent> =>
  Option.map(decodeLogJson(line), ({ data, timestamp }) => ({
    timestamp,
    type: typeof data.type === "string" ? data.type : "",
    data
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeServer = Schema.decode(
  Schema.parseJson(Schema.Struct({ running: Schema.Boolean, port: open(Schema.Number) }))
)

const decodeDaemon = Schema.decode(
  Schema.parseJson(Schema.Struct({ status: Schema.String, pid: open(Schema.Number), isDaemon: open(Schema.Boolean) }))
)

const decodeVersionJson = Schema.decode(Schema.parseJson(Schema.Struct({ version: Schema.String })))

const decodeLogJson = Schema.decodeUnknownOption(
  Schema.parseJson(
    Schema.Struct({
      timestamp: Schema.Number,
      data: Schema.Record({ key: Schema.String, value: Schema.Unknown })
    })
  )
)
