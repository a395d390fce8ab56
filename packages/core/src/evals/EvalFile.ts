/** Reads tasks with their checks from files. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { DefinedServer } from "../mcp/config/DefinedServer.ts"
import * as ByteLimits from "../resilience/ByteLimits.ts"
import type { EvalTask } from "./EvalTask.ts"

/** Files of tasks cannot be used. Every problem is a sentence with its file. */
export class EvalTasksInvalid extends Schema.TaggedError<EvalTasksInvalid>()("EvalTasksInvalid", {
  problems: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    return this.problems.join("\n")
  }
}

/** A task, by the name of its file. */
export interface NamedTask {
  readonly name: string
  /** The folder of the file. */
  readonly folder: string
  readonly task: EvalTask
  /** A server of its own for the folder of the trial, which is in no mcp.json. */
  readonly server?: (folder: string) => DefinedServer
}

/** The tasks of a file, or of all files of a folder, by their names. Fails with everything that is wrong. */
export const read = Effect.fn("EvalFile.read")(function* (place: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const invalid = (...problems: ReadonlyArray<string>) => new EvalTasksInvalid({ problems })
  const root = path.resolve(place)
  const { type } = yield* Effect.mapError(fs.stat(root), () => invalid(`There is no file or folder "${place}".`))
  const names =
    type === "Directory"
      ? yield* Effect.mapError(fs.readDirectory(root), ({ message }) => invalid(`${place} cannot be read: ${message}`))
      : [path.basename(root)]
  const files = names
    .filter((name) => type !== "Directory" || (/^[^.].*\.(ya?ml|json)$/i.test(name) && !/\.schema\.json$/i.test(name)))
    .toSorted()
  if (files.length === 0) {
    return yield* invalid(`No task is in ${place}. A task is a file that ends in .yaml, .yml or .json.`)
  }
  const folder = type === "Directory" ? root : path.dirname(root)
  const { parse } = yield* Effect.promise(() => import("./EvalText.ts"))
  const { policyFile } = yield* ByteLimits.CurrentByteLimits
  const all = yield* Effect.forEach(files, (name) =>
    ByteLimits.readText(fs, path.join(folder, name), policyFile).pipe(
      Effect.mapError(({ message }) => [message]),
      Effect.flatMap(parse),
      Effect.mapBoth({
        onFailure: (problems) => problems.map((text) => `${name}: ${text}`),
        onSuccess: (task): NamedTask => ({ name: name.replace(/\.\w+$/, ""), folder, task })
      }),
      Effect.either
    )
  )
  const tasks = all.filter(Either.isRight).map(({ right }) => right)
  const twice = tasks.filter(({ name }, index) => tasks.findIndex((other) => other.name === name) !== index)
  const problems = [
    ...all.filter(Either.isLeft).flatMap(({ left }) => left),
    ...twice.map(({ name }) => `Two files are named ${name}. Rename one.`)
  ]
  return problems.length === 0 ? tasks : yield* invalid(...problems)
})

/** The JSON Schema of a file, for editors. */
export const jsonSchema = Effect.map(
  Effect.promise(() => import("./EvalText.ts")),
  ({ jsonSchema }) => jsonSchema()
)
