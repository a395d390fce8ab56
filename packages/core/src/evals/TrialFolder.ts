/**
 * The folder in which trials work. Each trial finds it with nothing but its own files; its path stays, so that servers need
 * not start again and the engine keeps the head of the prompt, which names it.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Places } from "./Checking.ts"
import { EvalCheckImpossible } from "./Checking.ts"
import type { NamedTask } from "./EvalFile.ts"

/** The folder, and one beside it for what the model must not see. Both are removed when the scope closes. */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const base = yield* Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "lms-bridge-eval-" }), fs.realPath)
  const [folder, beside] = [path.join(base, "work"), path.join(base, "beside")]
  yield* fs.makeDirectory(folder)
  yield* fs.makeDirectory(beside)
  return { folder, beside }
})

/** Puts the files of a task into the empty folder. */
export const setUp = Effect.fn("Eval.setUp")(function* (
  { folder: tasks, task }: NamedTask,
  places: Omit<Places, "tasks">
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* empty(places.folder)
  yield* empty(places.beside)
  if (task.copy !== undefined) {
    const from = path.resolve(tasks, task.copy)
    yield* Effect.mapError(fs.copy(from, places.folder, { overwrite: true }), ({ message }) =>
      impossible(`"${task.copy}" cannot be copied: ${message}`)
    )
  }
  for (const [name, text] of Object.entries(task.files ?? {})) {
    const file = path.join(places.folder, name)
    yield* fs.makeDirectory(path.dirname(file), { recursive: true }).pipe(
      Effect.zipRight(fs.writeFileString(file, text)),
      Effect.mapError(({ message }) => impossible(`${name} cannot be written: ${message}`))
    )
  }
})

/** Keeps the folder as it is now at another place, which is replaced. */
export const keep = Effect.fnUntraced(function* (folder: string, to: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(to, { recursive: true, force: true }).pipe(
    Effect.zipRight(fs.copy(folder, to)),
    Effect.mapError(({ message }) => impossible(`the files cannot be recorded: ${message}`))
  )
})

/** Brings back what was kept. An empty folder may not have been. */
export const restore = Effect.fnUntraced(function* (from: string, folder: string) {
  const fs = yield* FileSystem.FileSystem
  yield* empty(folder)
  if (!(yield* Effect.orElseSucceed(fs.exists(from), () => false))) return
  yield* Effect.mapError(fs.copy(from, folder, { overwrite: true }), ({ message }) =>
    impossible(`the recorded files cannot be read: ${message}`)
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const impossible = (detail: string) => new EvalCheckImpossible({ detail })

const empty = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const failed = ({ message }: PlatformError) => impossible(`the folder of the trial cannot be emptied: ${message}`)
  for (const name of yield* Effect.mapError(fs.readDirectory(folder), failed)) {
    yield* Effect.mapError(fs.remove(path.join(folder, name), { recursive: true, force: true }), failed)
  }
})
