/** One file of evidence for each model, in the data folder. A file that cannot be read counts as none, and is replaced. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as StateDirectory from "../machine/StateDirectory.ts"
import { writeWhole } from "../machine/writeWhole.ts"
import { ModelRecord, type EvidenceRow, withRow } from "./Evidence.ts"

export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const state = yield* StateDirectory.makeWith("what models can do is not kept")
  const oneWriter = yield* Effect.makeSemaphore(1)
  // names that differ only in letters that a file name cannot have stay apart
  const nameOf = (model: string) => `${StateDirectory.fileName(model)}.${(Hash.string(model) >>> 0).toString(36)}.json`

  const read = (model: string): Effect.Effect<ReadonlyArray<EvidenceRow>> =>
    Option.match(state.where(folder), {
      onNone: () => Effect.succeed([]),
      onSome: (directory) =>
        fs.readFileString(path.join(directory, nameOf(model))).pipe(
          Effect.flatMap(decode),
          Effect.map((record) => (record.model === model ? record.rows : [])),
          Effect.orElseSucceed(() => [])
        )
    })

  const put = Effect.fnUntraced(
    function* (model: string, row: EvidenceRow) {
      const directory = yield* state.folder(folder)
      if (Option.isNone(directory)) return
      const file = path.join(directory.value, nameOf(model))
      const text = yield* encode(withRow(model, yield* read(model), row))
      yield* writeWhole(file, text, { temporary: `${file}.${state.identity.token}` })
    },
    Effect.provideService(FileSystem.FileSystem, fs),
    Effect.catchAll((cause) =>
      Effect.logWarning("What was found of a model cannot be written.", { cause: cause.message })
    ),
    oneWriter.withPermits(1)
  )

  return { read, put }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const folder = "registry"

const Json = Schema.parseJson(ModelRecord)
const decode = Schema.decode(Json)
const encode = Schema.encode(Json)
