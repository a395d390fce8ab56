/**
 * The tools that a model gets for the tasks of the bench: files of one folder, a small memory, and sums. Short words, so
 * that a small model has room for its work.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

type Kind = "string" | "number"

/** A call that cannot be done, in a sentence for the model. */
export class CannotBeDone extends Schema.TaggedError<CannotBeDone>()("CannotBeDone", { why: Schema.String }) {
  readonly retryable = false
  override get message() {
    return this.why
  }
}

type Answer = Effect.Effect<string, CannotBeDone, FileSystem.FileSystem | Path.Path>

export interface BenchTool {
  readonly name: string
  readonly description: string
  readonly needs: Readonly<Record<string, Kind>>
  readonly changes: boolean
  readonly call: (folder: string, given: (name: string) => string) => Answer
}

const places = (folder: string, name: string) =>
  Effect.flatMap(Path.Path, (path) => {
    const place = path.resolve(folder, name)
    const inside = path.relative(folder, place)
    return inside === ".." || inside.startsWith(`..${path.sep}`) || path.isAbsolute(inside)
      ? Effect.fail(
          new CannotBeDone({ why: `${name} is outside of the folder, where nothing may be read or written.` })
        )
      : Effect.succeed(place)
  })

/** Where memory lies: in the folder, so that each task finds its own, and hidden from its tools. */
const memoryFile = ".memory.json"

const whole = Effect.fnUntraced(function* (folder: string, name: string) {
  const fs = yield* FileSystem.FileSystem
  const place = yield* places(folder, name)
  const info = yield* Effect.mapError(fs.stat(place), () => new CannotBeDone({ why: `There is no file ${name}.` }))
  if (info.type === "Directory") return yield* new CannotBeDone({ why: `${name} is a folder.` })
  return yield* Effect.mapError(fs.readFileString(place), ({ message }) => new CannotBeDone({ why: message }))
})

const written = Effect.fnUntraced(function* (folder: string, name: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const place = yield* places(folder, name)
  yield* fs.makeDirectory(path.dirname(place), { recursive: true }).pipe(
    Effect.zipRight(fs.writeFileString(place, text)),
    Effect.mapError(({ message }) => new CannotBeDone({ why: `${name} cannot be written: ${message}` }))
  )
})

/** All files of the folder but hidden ones, by their paths from it. */
const files = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder, { recursive: true }), () => [])
  const found: Array<string> = []
  for (const name of names.toSorted()) {
    if (name.startsWith(".")) continue
    const info = yield* Effect.option(fs.stat(path.join(folder, name)))
    if (info._tag === "Some" && info.value.type === "File") found.push(name.split(path.sep).join("/"))
  }
  return found
})

const lines = (found: ReadonlyArray<string>, nothing: string) => (found.length === 0 ? nothing : found.join("\n"))

const Memory = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String }))

const memory = (folder: string) =>
  Effect.flatMap(whole(folder, memoryFile), Schema.decode(Memory)).pipe(Effect.orElseSucceed(() => ({})))

export const tools: ReadonlyArray<BenchTool> = [
  {
    name: "list_files",
    description: "Lists all files.",
    needs: {},
    changes: false,
    call: (folder) => Effect.map(files(folder), (found) => lines(found, "There are no files."))
  },
  {
    name: "read_file",
    description: "Reads a file.",
    needs: { path: "string" },
    changes: false,
    call: (folder, given) => whole(folder, given("path"))
  },
  {
    name: "write_file",
    description: "Writes a text into a new file, or in place of what is in a file.",
    needs: { path: "string", text: "string" },
    changes: true,
    call: (folder, given) => Effect.as(written(folder, given("path"), given("text")), `${given("path")} is written.`)
  },
  {
    name: "edit_file",
    description: "Replaces a text in a file by a new one.",
    needs: { path: "string", old_text: "string", new_text: "string" },
    changes: true,
    call: Effect.fnUntraced(function* (folder, given) {
      const [path, before] = [given("path"), given("old_text")]
      const text = yield* whole(folder, path)
      if (before === "" || !text.includes(before)) {
        return yield* new CannotBeDone({ why: `${path} does not contain this old_text. Nothing was changed.` })
      }
      yield* written(
        folder,
        path,
        text.replace(before, () => given("new_text"))
      )
      return `${path} is changed.`
    })
  },
  {
    name: "move_file",
    description: "Moves a file, or gives it another name.",
    needs: { from: "string", to: "string" },
    changes: true,
    call: Effect.fnUntraced(function* (folder, given) {
      const fs = yield* FileSystem.FileSystem
      const text = yield* whole(folder, given("from"))
      const to = yield* places(folder, given("to"))
      if (yield* Effect.orElseSucceed(fs.exists(to), () => false)) {
        return yield* new CannotBeDone({ why: `${given("to")} is there already. Nothing was changed.` })
      }
      yield* written(folder, given("to"), text)
      yield* Effect.ignore(Effect.flatMap(places(folder, given("from")), (from) => fs.remove(from)))
      return `${given("from")} is ${given("to")} now.`
    })
  },
  {
    name: "search_files",
    description: "Finds files by a part of their name.",
    needs: { name: "string" },
    changes: false,
    call: (folder, given) =>
      Effect.map(files(folder), (found) => {
        const part = given("name").toLowerCase().replaceAll("*", "")
        return lines(
          found.filter((path) => path.toLowerCase().includes(part)),
          `There is no file with ${given("name")} in its name.`
        )
      })
  },
  {
    name: "remember",
    description: "Keeps a text in memory under a key.",
    needs: { key: "string", text: "string" },
    changes: true,
    call: Effect.fnUntraced(function* (folder, given) {
      const all = { ...(yield* memory(folder)), [given("key")]: given("text") }
      yield* written(folder, memoryFile, yield* Effect.orDie(Schema.encode(Memory)(all)))
      return `It is kept under ${given("key")}.`
    })
  },
  {
    name: "recall",
    description: "Tells what is in memory under a key.",
    needs: { key: "string" },
    changes: false,
    call: Effect.fnUntraced(function* (folder, given) {
      const all: Readonly<Record<string, string>> = yield* memory(folder)
      const keys = Object.keys(all)
      const key = keys.find((key) => key.toLowerCase() === given("key").toLowerCase())
      if (key !== undefined) return all[key] ?? ""
      return yield* new CannotBeDone({
        why: `Nothing is in memory under ${given("key")}. ${keys.length === 0 ? "Memory is empty." : `There are: ${keys.join(", ")}.`}`
      })
    })
  },
  {
    name: "add",
    description: "Adds two numbers.",
    needs: { a: "number", b: "number" },
    changes: false,
    call: (_, given) => Effect.succeed(String(Number(given("a")) + Number(given("b"))))
  }
]

/** The JSON Schema of what a tool needs. */
export const inputSchema = ({ needs }: BenchTool) => ({
  type: "object" as const,
  properties: Object.fromEntries(Object.entries(needs).map(([name, type]) => [name, { type }])),
  required: Object.keys(needs)
})

/** What comes of a call, in words for the model. */
export const call = (name: string, input: Readonly<Record<string, unknown>>, folder: string): Answer => {
  const tool = tools.find((one) => one.name === name)
  if (tool === undefined) return Effect.fail(new CannotBeDone({ why: `There is no tool ${name}.` }))
  const wrong = Object.entries(tool.needs).find(([need, type]) => typeof input[need] !== type)
  return wrong === undefined
    ? tool.call(folder, (need) => String(input[need]))
    : Effect.fail(new CannotBeDone({ why: `${wrong[0]} must be a ${wrong[1]}.` }))
}
