/**
 * Vectors of tools from one process to the next, so that a command does not embed a hundred tools each time. One file for
 * each model in the data folder. What cannot be read or written is as good as none.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Settings } from "../../configuration/Settings.ts"
import * as StateDirectory from "../../machine/StateDirectory.ts"
import { writeWhole } from "../../machine/writeWhole.ts"

export type Vector = ReadonlyArray<number>

export interface Store {
  /** By the text that was embedded. */
  readonly read: (model: string) => Effect.Effect<ReadonlyMap<string, Vector>>
  readonly write: (model: string, vectors: ReadonlyMap<string, Vector>) => Effect.Effect<void>
}

/** None are stored unless a layer says where. */
export class StoredVectors extends Context.Reference<StoredVectors>()("@lms-bridge/core/agent/StoredVectors", {
  defaultValue: (): Store => ({ read: () => Effect.succeed(new Map()), write: () => Effect.void })
}) {
  static readonly layer: Layer.Layer<StoredVectors, never, FileSystem.FileSystem | Path.Path | Settings> = Layer.effect(
    this,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { identity, where, writable } = yield* StateDirectory.makeWith("vectors of tools are not kept")
      const fileOf = (folder: string, model: string) => path.join(folder, `${StateDirectory.fileName(model)}.json`)
      const store: Store = {
        read: (model) =>
          Option.match(where("vectors"), {
            onNone: () => Effect.succeed(new Map()),
            onSome: (folder) =>
              fs.readFileString(fileOf(folder, model)).pipe(
                Effect.flatMap(decode),
                Effect.map((vectors): ReadonlyMap<string, Vector> => new Map(Object.entries(vectors).map(unpacked))),
                Effect.orElseSucceed(() => new Map())
              )
          }),
        write: Effect.fnUntraced(
          function* (model, vectors) {
            const file = fileOf(yield* writable("vectors"), model)
            const text = yield* encode(Object.fromEntries([...vectors].map(packed)))
            yield* writeWhole(file, text, { temporary: `${file}.${identity.token}` })
          },
          Effect.provideService(FileSystem.FileSystem, fs),
          Effect.catchAll((error) => Effect.logDebug("vectors of tools are not kept", { error: error.message }))
        )
      }
      return store
    })
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const File = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Uint8ArrayFromBase64 }))
const decode = Schema.decode(File)
const encode = Schema.encode(File)

/** Four bytes for each number, which is what models give. */
const packed = ([text, vector]: readonly [string, Vector]) =>
  [text, new Uint8Array(Float32Array.from(vector).buffer)] as const

const unpacked = ([text, bytes]: readonly [string, Uint8Array]) =>
  [text, [...new Float32Array(bytes.slice().buffer, 0, Math.floor(bytes.length / 4))]] as const
