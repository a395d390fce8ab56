/**
 * How a server is greeted, learned from the last times and kept in a file of the data folder. Most need no entry there. One
 * that cannot be read, or that another version wrote, is as good as none: each server is asked both ways in any case.
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
import type { ServerDefinition } from "../config/ServerDefinition.ts"

/**
 * `modern`: it knows the newer words. `silent`: it does not answer words that it does not know. `older`: it was thought to know
 * the newer words, and refused them.
 */
const Known = Schema.Literal("modern", "silent", "older")
export type Known = typeof Known.Type

export interface EraMemory {
  readonly last: (definition: ServerDefinition) => Effect.Effect<Known | undefined>
  /** Writes only what is new; nothing is known of most servers. */
  readonly note: (definition: ServerDefinition, known: Known | undefined) => Effect.Effect<void>
}

export const make: Effect.Effect<EraMemory, never, FileSystem.FileSystem | Path.Path | Settings> = Effect.gen(
  function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    // with the first server: not every start needs it
    const state = yield* Effect.cached(
      Effect.provide(
        StateDirectory.makeWith("how servers are greeted is not remembered"),
        yield* Effect.context<FileSystem.FileSystem | Path.Path | Settings>()
      )
    )
    const oneWriter = yield* Effect.makeSemaphore(1)

    const all = Effect.flatMap(state, ({ where }) =>
      Option.match(where(folder), {
        onNone: () => Effect.succeed<Servers>({}),
        onSome: (directory) =>
          fs.readFileString(path.join(directory, fileName)).pipe(
            Effect.flatMap(decode),
            Effect.map(({ servers }) => servers),
            Effect.orElseSucceed((): Servers => ({}))
          )
      })
    )

    const write = Effect.fnUntraced(
      function* (servers: Servers) {
        const { folder: writable, identity } = yield* state
        const directory = yield* writable(folder)
        if (Option.isNone(directory)) return
        const file = path.join(directory.value, fileName)
        const kept = Object.fromEntries(Object.entries(servers).slice(-mostKept))
        const text = yield* encode({ version: 2, servers: kept })
        // of two writers at once the last one counts: the other's server is asked once more than needed
        yield* writeWhole(file, text, { temporary: `${file}.${identity.token}` })
      },
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.catchAll(({ message }) => Effect.logDebug("how a server is greeted cannot be written", { cause: message }))
    )

    const memory: EraMemory = {
      last: (definition) => Effect.map(Effect.zip(all, keyOf(definition)), ([servers, key]) => servers[key]),
      note: (definition, known) =>
        Effect.flatMap(Effect.zip(all, keyOf(definition)), ([servers, key]) => {
          if (servers[key] === known) return Effect.void
          const { [key]: _, ...others } = servers
          return write(known === undefined ? others : { ...others, [key]: known })
        }).pipe(oneWriter.withPermits(1))
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

const Servers = Schema.Record({ key: Schema.String, value: Known })
type Servers = typeof Servers.Type
const Kept = Schema.parseJson(Schema.Struct({ version: Schema.Literal(2), servers: Servers }))
const decode = Schema.decode(Kept)
const encode = Schema.encode(Kept)

/** Not the entry itself, which may have secrets. */
const keyOf = ({ identity }: ServerDefinition) =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", new TextEncoder().encode(Redacted.value(identity)))),
    (digest) => Encoding.encodeHex(new Uint8Array(digest))
  )
