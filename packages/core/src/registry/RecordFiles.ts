/**
 * One file of evidence for each model, in the data folder. One that cannot be read, or that an older version wrote, is
 * replaced by what the kept runs show.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as MachineLock from "../machine/MachineLock.ts"
import * as StateDirectory from "../machine/StateDirectory.ts"
import { writeWhole } from "../machine/writeWhole.ts"
import { ModelRecord, type EvidenceRow, withRow, withTally } from "./Evidence.ts"
import { PastRuns } from "./PastRuns.ts"

export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const past = yield* PastRuns
  const state = yield* StateDirectory.makeWith("what models can do is not kept")
  const lock = yield* MachineLock.make(state)
  const oneWriter = yield* Effect.makeSemaphore(1)
  // names that differ only in letters that a file name cannot have stay apart
  const nameOf = (model: string) => `${StateDirectory.fileName(model)}.${(Hash.string(model) >>> 0).toString(36)}.json`

  /** What the journal tells, where the file of the model cannot. */
  const rebuilt = (model: string): Effect.Effect<ReadonlyArray<EvidenceRow>> =>
    Effect.map(past.of(model), Option.match({ onNone: () => [], onSome: (tally) => [withTally(undefined, {}, tally)] }))

  const read = (model: string): Effect.Effect<ReadonlyArray<EvidenceRow>> =>
    Option.match(state.where(folder), {
      onNone: () => Effect.succeed([]),
      onSome: (directory) =>
        Effect.matchEffect(fs.readFileString(path.join(directory, nameOf(model))), {
          onFailure: () => Effect.succeed([]),
          onSuccess: (text) =>
            decode(text).pipe(
              Effect.filterOrFail((record) => record.model === model),
              Effect.matchEffect({
                onFailure: () => rebuilt(model),
                onSuccess: ({ rows }) => Effect.succeed(rows)
              })
            )
        })
    })

  /** `change` gives the new row for those that are there. */
  const update = Effect.fnUntraced(
    function* (model: string, change: (rows: ReadonlyArray<EvidenceRow>) => EvidenceRow) {
      const directory = yield* state.folder(folder)
      if (Option.isNone(directory)) return
      const file = path.join(directory.value, nameOf(model))
      yield* Effect.gen(function* () {
        const rows = yield* read(model)
        const text = yield* encode(withRow(model, rows, change(rows)))
        yield* writeWhole(file, text, { temporary: `${file}.${state.identity.token}` })
      }).pipe(lock.withLock(`registry ${nameOf(model)}`, Effect.void))
    },
    Effect.provideService(FileSystem.FileSystem, fs),
    Effect.catchAll((cause) =>
      Effect.logWarning("What was found of a model cannot be written.", { cause: cause.message })
    ),
    oneWriter.withPermits(1)
  )

  return { read, update }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const folder = "registry"

const Json = Schema.parseJson(ModelRecord)
const decode = Schema.decode(Json)
const encode = Schema.encode(Json)
