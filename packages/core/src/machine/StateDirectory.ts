/** The folder in which the processes of one machine share what they loaded, hold and are loading. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { homeFolder } from "./HomeFolder.ts"
import { Settings } from "../configuration/Settings.ts"
import type { ProcessIdentity } from "./ProcessIdentity.ts"

/** There is no writable data folder, and why. */
export class DataFolderUnwritable extends Schema.TaggedError<DataFolderUnwritable>()("DataFolderUnwritable", {
  directory: Schema.String,
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `The data folder ${this.directory} cannot be written (${this.detail}). Set LMS_BRIDGE_DATA_DIR to a writable folder.`
  }
}

export interface StateDirectory {
  readonly identity: ProcessIdentity
  /** Where a subfolder is or would be; none without a home folder. */
  readonly where: (name: string) => Option.Option<string>
  /** A writable subfolder, created if missing. None when it cannot be written; that is logged once. */
  readonly folder: (name: string) => Effect.Effect<Option.Option<string>>
  /** The same, without logging. */
  readonly writable: (name: string) => Effect.Effect<string, DataFolderUnwritable>
  /** Whether that process is known to have ended; false if unknown. */
  readonly isGone: (process: ProcessIdentity) => Effect.Effect<boolean>
  /** Whether that process is known to be alive; false if unknown. */
  readonly isAlive: (process: ProcessIdentity) => Effect.Effect<boolean>
}

/**
 * `LMS_BRIDGE_DATA_DIR`, else `.lms-bridge` in the home folder. Nothing is written before it is needed. `without` is
 * the consequence, for the warning, when it cannot be written.
 */
export const makeWith = (
  without: string
): Effect.Effect<StateDirectory, never, FileSystem.FileSystem | Path.Path | Settings> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const settings = yield* Settings
    const root = yield* Option.match(settings.dataDir, {
      onSome: (directory) => Effect.succeedSome(directory),
      onNone: () =>
        Effect.map(
          homeFolder,
          Option.map((directory) => path.join(directory, ".lms-bridge"))
        )
    })
    const identity = yield* identify(fs)
    const warned = yield* Ref.make(false)
    const warnOnce = ({ detail, directory }: DataFolderUnwritable) =>
      Effect.unlessEffect(
        Effect.logWarning(`The data folder cannot be written, so ${without}. Set LMS_BRIDGE_DATA_DIR.`, {
          directory,
          cause: detail
        }),
        Ref.getAndSet(warned, true)
      )
    const writable = Effect.fnUntraced(function* (name: string) {
      if (Option.isNone(root)) {
        return yield* new DataFolderUnwritable({ directory: ".lms-bridge", detail: "there is no home folder" })
      }
      const folder = path.join(root.value, name)
      yield* fs.makeDirectory(folder, { recursive: true, mode: 0o700 }).pipe(
        Effect.zipRight(fs.access(folder, { writable: true })),
        Effect.mapError(({ message }) => new DataFolderUnwritable({ directory: root.value, detail: message }))
      )
      return folder
    })

    const isNeighbour = ({ namespace, pid }: ProcessIdentity) =>
      pid !== undefined && namespace !== undefined && namespace === identity.namespace
    const lookUp = Effect.fnUntraced(function* ({ pid, started }: ProcessIdentity) {
      const exists = yield* Effect.option(fs.exists(`/proc/${pid}`))
      if (Option.isNone(exists)) return "unknown"
      if (!exists.value) return "gone"
      const start = yield* startOf(fs, `${pid}`)
      return started === undefined || Option.isNone(start) || start.value === started ? "alive" : "gone"
    })

    return {
      identity,
      where: (name) => Option.map(root, (directory) => path.join(directory, name)),
      writable,
      folder: (name) => writable(name).pipe(Effect.tapError(warnOnce), Effect.option),
      isGone: (process) =>
        isNeighbour(process) ? Effect.map(lookUp(process), (found) => found === "gone") : Effect.succeed(false),
      isAlive: (process) =>
        isNeighbour(process) ? Effect.map(lookUp(process), (found) => found === "alive") : Effect.succeed(false)
    }
  })

/** For what the processes tell each other. */
export const make = makeWith("this process does not know what other lms-bridge processes load")

/** Any name as a file name that is valid on every file system. */
export const fileName = (name: string): string =>
  // `encodeURIComponent` keeps `*`, which Windows refuses
  encodeURIComponent(name).replaceAll("*", "%2A").slice(0, 200)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const identify = Effect.fnUntraced(function* (fs: FileSystem.FileSystem) {
  const digits = yield* Effect.replicateEffect(Random.nextIntBetween(0, 36), 16)
  const pid = yield* Effect.option(fs.readLink("/proc/self"))
  const namespace = yield* Effect.option(fs.readLink("/proc/self/ns/pid"))
  const started = Option.isSome(pid) ? yield* startOf(fs, pid.value) : Option.none()
  return {
    token: digits.map((digit) => digit.toString(36)).join(""),
    ...(Option.isSome(pid) ? { pid: pid.value } : {}),
    ...(Option.isSome(namespace) ? { namespace: namespace.value } : {}),
    ...(Option.isSome(started) ? { started: started.value } : {})
  }
})

/** When a process started, in clock ticks since boot: the 22nd field of its `stat`, 20 after its name in brackets. */
const startOf = (fs: FileSystem.FileSystem, pid: string): Effect.Effect<Option.Option<string>> =>
  fs.readFileString(`/proc/${pid}/stat`).pipe(
    Effect.map((stat) => Option.fromNullable(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19])),
    Effect.orElseSucceed(() => Option.none())
  )
