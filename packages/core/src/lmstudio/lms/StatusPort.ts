/**
 * The LM Studio application of this machine, through the loopback port that `lms` itself uses (contract 0.4). The port
 * is open whenever the application runs, even while its server is off, and only it reports the application's version.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { address, type Values } from "../../configuration/Settings.ts"
import type { Application } from "../LmsModel.ts"
import { open } from "../../schema/Fields.ts"
import * as Binary from "./Binary.ts"

/** LM Studio takes the first of these ports that is free. */
export const ports: ReadonlyArray<number> = [41343, 52993, 16141, 39414, 22931]

/** How long one port may take to answer. */
export const limit = Duration.seconds(1)

/**
 * Looks now: first at the port that LM Studio has recorded in its home, then at its known ports. None when nothing
 * answers there, or when LM Studio is configured on another machine.
 */
export const make = Effect.fnUntraced(function* (settings: Values) {
  const client = HttpClient.withTracerPropagation(yield* HttpClient.HttpClient, false)
  const context = Context.pick(
    FileSystem.FileSystem,
    Path.Path
  )(yield* Effect.context<FileSystem.FileSystem | Path.Path>())

  const ask = (port: number) =>
    client.get(`http://127.0.0.1:${port}/lms-status`).pipe(
      Effect.flatMap((response) => response.text),
      Effect.flatMap(decodeStatus),
      Effect.map(({ version, ...more }): Application => ({ ...more, version: String(version) })),
      Effect.timeout(limit)
    )
  const atKnownPorts = Effect.raceAll(ports.map(ask))

  const look = Effect.provide(notedPorts(settings), context).pipe(
    Effect.flatMap((noted) => Effect.firstSuccessOf([...noted.map(ask), atKnownPorts])),
    // closed, or another program: no LM Studio there
    Effect.option
  )
  const application: Effect.Effect<Option.Option<Application>> = address(settings).isLocal ? look : Effect.succeedNone
  return { application }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeStatus = Schema.decode(
  Schema.parseJson(Schema.Struct({ version: Schema.Union(Schema.String, Schema.Number), package: open(Schema.String) }))
)

/** LM Studio has written its port there since July 2026. */
const notedPorts = Effect.fnUntraced(function* ({ lmsBinary }: Values) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // an executable configured by its path is in the `bin` of its LM Studio home
  const ofBinary = Option.toArray(lmsBinary).flatMap((binary) =>
    path.isAbsolute(binary) ? [path.dirname(path.dirname(binary))] : []
  )
  const found = yield* Effect.forEach([...ofBinary, ...(yield* Binary.homes)], (home) =>
    fs.readFileString(path.join(home, ".internal", "http-server.json")).pipe(Effect.flatMap(decodePort), Effect.option)
  )
  return [...new Set(found.flatMap((noted) => Option.toArray(Option.map(noted, ({ port }) => port))))]
})

const decodePort = Schema.decode(Schema.parseJson(Schema.Struct({ port: Schema.Int.pipe(Schema.between(1, 65_535)) })))
