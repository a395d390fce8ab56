/**
 * What a person gives to a run: the task in words, from a file or from a pipe, and files that go with it.
 */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import type { Attachment } from "@lms-bridge/core/AgentLoop"
import { Images } from "@lms-bridge/core/Images"
import { ModelFit, ModelName } from "@lms-bridge/core/ModelCatalog"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { UsageError } from "../ExitCode.ts"
import { Screen } from "../terminal/Screen.ts"

export const options = {
  task: Args.text({ name: "TASK" }).pipe(
    Args.withDescription("What the model should do. `-`, or nothing while text is piped in: the task is that text."),
    Args.optional
  ),
  taskFile: Options.text("task-file").pipe(
    Options.withDescription("Read the task from this file."),
    Options.withPseudoName("FILE"),
    Options.optional
  ),
  file: Options.text("file").pipe(
    Options.withDescription("Give this file to the model with the task: text, or an image for a model that can see."),
    Options.withPseudoName("PATH"),
    Options.repeated
  )
}

export interface Given {
  readonly task: Option.Option<string>
  readonly taskFile: Option.Option<string>
  readonly file: ReadonlyArray<string>
}

/** The task and its attachments. Text that is piped in beside a task goes with it. */
export const read = Effect.fnUntraced(function* ({ file, task, taskFile }: Given) {
  const { err, piped } = yield* Screen
  if (Option.isSome(task) && Option.isSome(taskFile)) {
    return yield* new UsageError({ problem: "Give the task or --task-file, not both." })
  }
  const isPiped = Option.contains(task, "-") || (Option.isNone(task) && Option.isNone(taskFile))
  const words = isPiped ? yield* piped.all : Option.none()
  const said = Option.isSome(taskFile)
    ? yield* textOf("--task-file", taskFile.value)
    : isPiped
      ? Option.getOrElse(words, () => "")
      : Option.getOrElse(task, () => "")
  if (said.trim() === "")
    return yield* new UsageError({ problem: isPiped && Option.isNone(words) ? noTask : emptyTask })
  const beside = isPiped ? Option.none() : yield* piped.beside
  if (Option.isSome(beside) && beside.value.late) {
    yield* err("Nothing came from the pipe within 3 s, so the task goes without it.")
  }
  const attachments: ReadonlyArray<Attachment> = [
    ...(Option.isSome(beside) && beside.value.text.trim() !== ""
      ? [{ _tag: "Text" as const, name: "Standard input", text: beside.value.text }]
      : []),
    ...(yield* Effect.forEach(file, attached, { concurrency: 4 }))
  ]
  return { task: said.trim(), ...(attachments.length === 0 ? {} : { attachments }) }
})

/** A file as it goes with a task. */
export const attached = (
  file: string
): Effect.Effect<Attachment, UsageError, Images | FileSystem.FileSystem | Path.Path> =>
  isImage(file)
    ? Effect.flatMap(Images, (images) => images.load(file)).pipe(
        Effect.map(({ dataUrl }): Attachment => ({ _tag: "Image", name: file, dataUrl })),
        Effect.mapError(({ message }) => new UsageError({ problem: `--file ${file}: ${message}` }))
      )
    : Effect.map(textOf("--file", file), (text): Attachment => ({ _tag: "Text", name: file, text }))

/** The model for a task with images: the named one if it can see, else one that can. What `auto` means, the run finds out. */
export const modelFor = (attachments: ReadonlyArray<Attachment> | undefined, model: string | undefined) =>
  attachments?.some(({ _tag }) => _tag === "Image") === true && !ModelName.isAuto(model)
    ? Effect.map(ModelFit.find("vision", model), (key) => ({ model: key }))
    : Effect.succeed({})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const noTask =
  'There is no task. Say what the model should do: lms-bridge run "…", --task-file FILE, or text from a pipe.'
const emptyTask = "The task is empty. Say what the model should do."

/** Bytes; no local model has the context for more. */
const largest = 2_000_000

const isImage = (file: string) => /\.(?:png|jpe?g|webp|gif)$/i.test(file)

const textOf = Effect.fnUntraced(function* (option: string, file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refused = (why: string) => new UsageError({ problem: `${option} ${file}: ${why}` })
  const place = path.resolve(file)
  const { size, type } = yield* Effect.mapError(fs.stat(place), (error) => refused(reasonOf(error)))
  if (type === "Directory") return yield* refused("it is a folder. Give the files in it, or --files for the folder.")
  if (size > largest)
    return yield* refused(`it has ${size} bytes, and no local model has the context for more than ${largest}.`)
  const bytes = yield* Effect.mapError(fs.readFile(place), (error) => refused(reasonOf(error)))
  if (bytes.subarray(0, 8000).includes(0))
    return yield* refused("it is neither text nor a PNG, JPEG, WebP or GIF image.")
  return new TextDecoder().decode(bytes)
})

const reasonOf = (error: PlatformError) =>
  error._tag === "SystemError" && error.reason === "NotFound"
    ? "there is no such file."
    : `it cannot be read (${error.message}).`
