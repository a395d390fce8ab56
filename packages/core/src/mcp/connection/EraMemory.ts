/**
 * In whose words a server's process was greeted the last time. Most know `initialize`; those that do not are in a file of
 * the data folder, so that the next start asks them in their own words first. One that cannot be read, or that another
 * version wrote, is as good as none: the server is asked both ways in any case.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Settings } from "../../configuration/Settings.ts"
import * as StateDirectory from "../../machine/StateDirectory.ts"
import { writeWhole } from "../../machine/writeWhole.ts"
import type { Era } from "../config/Launch.ts"
import type { ServerDefinition } from "../config/ServerDefinition.ts"

export interface EraMemory {
  readonly last: (definition: ServerDefinition) => Effect.Effect<Era>
  /** Writes only what is new. */
  readonly note: (definition: ServerDefinition, era: Era) => Effect.Effect<void>
}

export const make: Effect.Effect<EraMemory, never, FileSystem.FileSystem | Path.Path | Settings> = Effect.gen(
  function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    // with the first process: not every start needs it
    const state = yield* Effect.cached(
      Effect.provide(
        StateDirectory.makeWith("how servers are greeted is not remembered"),
        yield* Effect.context<FileSystem.FileSystem | Path.Path | Settings>()
      )
    )
    const oneWriter = yield* Effect.makeSemaphore(1)

    const known = Effect.flatMap(state, ({ where }) =>
      Option.match(where(folder), {
        onNone: () => Effect.succeed([]),
        onSome: (directory) =>
          fs.readFileString(path.join(directory, fileName)).pipe(
            Effect.flatMap(decode),
            Effect.map(({ modern }) => modern),
            Effect.orElseSucceed((): ReadonlyArray<string> => [])
          )
      })
    )

    const write = Effect.fnUntraced(
      function* (modern: ReadonlyArray<string>) {
        const { folder: writable, identity } = yield* state
        const directory = yield* writable(folder)
        if (Option.isNone(directory)) return
        const file = path.join(directory.value, fileName)
        const text = yield* encode({ version: 1, modern: modern.slice(-mostKept) })
        // of two writers at once the last one counts: the other's server is asked once more than needed
        yield* writeWhole(file, text, { temporary: `${file}.${identity.token}` })
      },
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.catchAll(({ message }) => Effect.logDebug("how a server is greeted cannot be written", { cause: message }))
    )

    const memory: EraMemory = {
      last: (definition) =>
        Effect.map(Effect.zip(known, keyOf(definition)), ([modern, key]) =>
          modern.includes(key) ? "modern" : "legacy"
        ),
      note: (definition, era) =>
        Effect.flatMap(Effect.zip(known, keyOf(definition)), ([modern, key]) =>
          modern.includes(key) === (era === "modern")
            ? Effect.void
            : write([...modern.filter((other) => other !== key), ...(era === "modern" ? [key] : [])])
        ).pipe(oneWriter.withPermits(1))
    }
    return memory
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const folder = "eras"
const fileName = "servers.json"
const mostKept = 200

const Kept = Schema.parseJson(Schema.Struct({ version: Schema.Literal(1), modern: Schema.Array(Schema.String) }))
const decode = Schema.decode(Kept)
const encode = Schema.encode(Kept)

/** Not the entry itself, which may have secrets. */
const keyOf = ({ identity }: ServerDefinition) =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(Redacted.value(identity)))),
    (digest) => Encoding.encodeHex(new Uint8Array(digest))
  )
