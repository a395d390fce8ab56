/** The files in which the processes of this machine see what became of an alias. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Alias } from "../../configuration/AliasSetting.ts"
import * as MachineLock from "../../machine/MachineLock.ts"
import * as StateDirectory from "../../machine/StateDirectory.ts"
import { writeWhole } from "../../machine/writeWhole.ts"
import { AliasState, Sample } from "./AliasState.ts"

/** A process that lets requests wait writes a beat each third of this; without one, it has ended. In milliseconds. */
export const deadAfterMillis = 15_000

export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const state = yield* StateDirectory.makeWith("models cannot be switched behind their aliases")
  const lock = yield* MachineLock.make(state)
  const nameOf = ({ name }: Alias, kind: string) => `${StateDirectory.fileName(name.toLowerCase())}.${kind}`

  const text = (alias: Alias, kind: string) =>
    Option.match(state.where(folder), {
      onNone: () => Effect.succeedNone,
      onSome: (directory) => Effect.option(fs.readFileString(path.join(directory, nameOf(alias, kind))))
    })

  /** What holds of the alias now. A file that cannot be read, or that is about other settings, counts as none. */
  const read = Effect.fnUntraced(function* (alias: Alias) {
    const found = Option.getOrUndefined(Option.flatMap(yield* text(alias, "json"), decode))
    if (found === undefined || found.base !== alias.model) return undefined
    if (found._tag !== "Waiting") return found
    const now = yield* Clock.currentTimeMillis
    if (now - found.beatAt <= deadAfterMillis && !(yield* state.isGone(found.by))) return found
    const { beatAt: _beat, by: _by, ...rest } = found
    const left: AliasState = { ...rest, _tag: "Returned", reason: "the process that switched it has ended" }
    return left
  })

  const put = Effect.fnUntraced(
    function* (alias: Alias, next: AliasState | undefined) {
      const file = path.join(yield* state.writable(folder), nameOf(alias, "json"))
      if (next === undefined) return yield* Effect.ignore(fs.remove(file, { force: true }))
      yield* writeWhole(file, encode(next), { temporary: `${file}.${state.identity.token}` }).pipe(
        Effect.mapError(
          ({ message }) => new StateDirectory.DataFolderUnwritable({ directory: path.dirname(file), detail: message })
        )
      )
    },
    Effect.provideService(FileSystem.FileSystem, fs)
  )

  return {
    state,
    lock,
    read,
    put,
    /** Replaces what holds unless `next` leaves it; one process at a time. */
    update: (alias: Alias, next: (before: AliasState | undefined) => AliasState | undefined) =>
      lock.withLock(
        `alias ${alias.name.toLowerCase()}`,
        Effect.void
      )(
        Effect.flatMap(read(alias), (before) => {
          const after = next(before)
          return after === before ? Effect.void : put(alias, after)
        })
      ),
    /** Adds what became of a lease. A short line is written whole, so that no lock is needed. */
    record: (alias: Alias, sample: Sample) =>
      state.writable(folder).pipe(
        Effect.flatMap((directory) =>
          fs.writeFileString(path.join(directory, nameOf(alias, "jsonl")), `${encodeSample(sample)}\n`, { flag: "a" })
        ),
        Effect.catchAll(({ message }) => Effect.logDebug("a sample was not kept", { error: message }))
      ),
    /** Those of a canary, by its `since`. */
    samples: (alias: Alias, canary: number) =>
      Effect.map(text(alias, "jsonl"), (all) =>
        Option.getOrElse(all, () => "")
          .split("\n")
          .flatMap((line) => Option.toArray(decodeSample(line)))
          .filter((sample) => sample.canary === canary)
      ),
    /** A new canary needs none of the earlier ones. */
    forgetSamples: (alias: Alias) =>
      Effect.flatMap(Effect.option(state.writable(folder)), (directory) =>
        Option.isNone(directory)
          ? Effect.void
          : Effect.ignore(fs.remove(path.join(directory.value, nameOf(alias, "jsonl")), { force: true }))
      )
  }
})

export type AliasFiles = Effect.Effect.Success<typeof make>

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const folder = "aliases"

const json = Schema.parseJson(AliasState)
const decode = Schema.decodeOption(json)
const encode = Schema.encodeSync(json)
const jsonSample = Schema.parseJson(Sample)
const decodeSample = Schema.decodeOption(jsonSample)
const encodeSample = Schema.encodeSync(jsonSample)
