/**
 * One configuration file: read when `stat` or the watcher says that it may have changed; its last readable content
 * stays in use.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import type { Place } from "./ConfigPlaces.ts"
import * as ConfigLanguage from "../dialects/ConfigLanguage.ts"
import type * as ConfigNode from "../dialects/ConfigNode.ts"
import * as ConfigText from "../dialects/ConfigText.ts"
import * as EnvFiles from "./EnvFiles.ts"
import * as ProgramPlaces from "./ProgramPlaces.ts"
import type { Problem } from "../../json/JsoncText.ts"
import * as McpConfig from "./McpConfig.ts"
import { McpConfigInvalid } from "../McpError.ts"
import type { ServerDefinition, ServersByName } from "./ServerDefinition.ts"

/** An existing place, and a stamp that changes with the file; undefined when there is no stamp. */
export interface Seen {
  readonly place: Place
  readonly stamp: string | undefined
}

export interface Defined {
  readonly servers: ServersByName
  /** By name, the earlier servers with that name, which are not used because the last one in the file is. */
  readonly earlier: ReadonlyMap<string, ReadonlyArray<ServerDefinition>>
  /** By path, the stamps of other files that the servers depend on. */
  readonly parts: ReadonlyMap<string, string | undefined>
}

export interface ConfigFile extends Seen {
  /** Undefined when it could not be read. */
  readonly text: Redacted.Redacted | undefined
  /** From the last time when it could be read; undefined if it never could. */
  readonly servers: ServersByName | undefined
  readonly earlier: Defined["earlier"]
  readonly parts: Defined["parts"]
  /** What in it is not used, in sentences. */
  readonly notes: ReadonlyArray<string>
  readonly problem: McpConfigInvalid | undefined
}

type Content =
  | {
      readonly text: Redacted.Redacted
      readonly entries: ReadonlyArray<McpConfig.ConfigEntry>
      readonly notes: ReadonlyArray<string>
      readonly problem: undefined
    }
  | {
      /** Undefined when it could not be read at all. */
      readonly text: Redacted.Redacted | undefined
      readonly entries: undefined
      readonly problem: McpConfigInvalid
    }

/** The result of `stat` for a place; undefined when there is nothing. */
export const look = (fileSystem: FileSystem.FileSystem, place: Place): Effect.Effect<Seen | undefined> =>
  fileSystem.stat(place.path).pipe(
    Effect.map((info): Seen => ({ place, stamp: EnvFiles.stampOf(info) })),
    Effect.catchAll((error) =>
      Effect.succeed<Seen | undefined>(isAbsent(error) ? undefined : { place, stamp: undefined })
    )
  )

/**
 * The file as it is now. `touched` means that it may have changed although its stamp is the same: two writes within one
 * clock tick have the same stamp. `define` turns entries into servers and reuses known ones that are equal.
 */
export const refresh = Effect.fnUntraced(function* (options: {
  readonly fileSystem: FileSystem.FileSystem
  readonly seen: Seen
  readonly before: ConfigFile | undefined
  readonly touched: boolean
  /** The working folder. */
  readonly folder: string
  readonly define: (
    entries: ReadonlyArray<McpConfig.ConfigEntry>,
    before: ServersByName | undefined
  ) => Effect.Effect<Defined>
}): Effect.fn.Return<ConfigFile> {
  const {
    before,
    fileSystem,
    seen: { place, stamp }
  } = options
  const partsSame = before === undefined ? false : yield* areSame(fileSystem, before.parts)
  if (before !== undefined && !options.touched && stamp !== undefined && before.stamp === stamp && partsSame)
    return before
  const content = yield* read(fileSystem, place, options.folder)
  const { entries, problem, text } = content
  if (before?.text !== undefined && text !== undefined && Equal.equals(before.text, text) && partsSame) {
    return { ...before, stamp }
  }
  if (entries !== undefined) {
    const defined = yield* options.define(entries, before?.servers)
    return { place, stamp, text, ...defined, notes: content.notes, problem: undefined }
  }
  const known = before?.problem?.message === problem.message
  const file: ConfigFile = {
    place,
    // permission may be granted without a change that `stat` shows
    stamp: text === undefined ? undefined : stamp,
    text,
    // an editor may be in the middle of writing: the last good content stays in use until the file is valid again
    servers: before?.servers,
    earlier: before?.earlier ?? new Map(),
    parts: before?.parts ?? new Map(),
    notes: before?.notes ?? [],
    problem: known ? before.problem : problem
  }
  if (file.servers !== undefined && !known) yield* Effect.logWarning(problemOf(file))
  return file
})

/** The entries of a file, or what is wrong with it. */
export const read = Effect.fnUntraced(function* (
  fileSystem: FileSystem.FileSystem,
  { origin, path }: Place,
  folder: string
): Effect.fn.Return<Content> {
  const found = yield* Effect.either(fileSystem.readFile(path))
  if (Either.isLeft(found)) {
    const problem = new McpConfigInvalid({ path, reason: "NotReadable", detail: whyNot(found.left) })
    return { text: undefined, entries: undefined, problem }
  }
  const { text: plain } = ConfigText.decode(found.right)
  const text = Redacted.make(plain)
  // a program may have created it and not written it yet; an empty file that the user named is reported
  if (plain.trim() === "" && origin !== "setting") return { text, entries: [], notes: [], problem: undefined }
  const options = { mayHaveNone: ProgramPlaces.isSettings(origin), folder }
  const parsed = Either.flatMap(yield* documentOf(path, plain), (root) => McpConfig.read(path, root, options))
  return Either.match(parsed, {
    onLeft: (problem): Content => ({ text, entries: undefined, problem }),
    onRight: ({ entries, notes }): Content => ({ text, entries, notes, problem: undefined })
  })
})

/** Whether its content is unchanged, however often it was written. */
export const isSame = (file: ConfigFile, before: ConfigFile | undefined): boolean =>
  file.servers === before?.servers && file.problem === before?.problem

/** What is wrong with the file and its consequence, in sentences. */
export const problemOf = ({ notes, place, problem, servers }: ConfigFile): string | undefined => {
  if (problem !== undefined) {
    return `${problem.message} ${servers === undefined ? "Nothing in it is used." : "Its last good version stays in use."}`
  }
  return notesOf(place, notes)
}

/** What in a file is not used, in sentences. */
export const notesOf = ({ path }: Place, notes: ReadonlyArray<string>): string | undefined =>
  notes.length === 0 ? undefined : `${path}: ${notes.join(" ")}`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type PlatformError = Effect.Effect.Error<ReturnType<FileSystem.FileSystem["stat"]>>

const isAbsent = (error: PlatformError) =>
  error._tag === "SystemError" && (error.reason === "NotFound" || /ENOTDIR/.test(error.message))

const whyNot = (error: PlatformError) =>
  error._tag === "SystemError" && error.reason === "PermissionDenied" ? "Permission denied." : error.message

/** The parsers of other languages are loaded only for a file in that language. */
const documentOf = (
  path: string,
  text: string
): Effect.Effect<Either.Either<ConfigNode.ConfigNode, McpConfigInvalid>> => {
  const foreign = (
    reason: "NotToml" | "NotYaml",
    load: () => Promise<{ readonly parse: (text: string) => Either.Either<ConfigNode.ConfigNode, Problem> }>
  ) =>
    Effect.map(Effect.promise(load), ({ parse }) =>
      Either.mapLeft(parse(text), (problem) => new McpConfigInvalid({ path, reason, ...problem }))
    )
  switch (ConfigLanguage.of(path, text)) {
    case "toml":
      return foreign("NotToml", () => import("../dialects/TomlText.ts"))
    case "yaml":
      return foreign("NotYaml", () => import("../dialects/YamlText.ts"))
    case "json":
      return Effect.sync(() => McpConfig.parseJson(path, text))
  }
}

const areSame = (fileSystem: FileSystem.FileSystem, parts: Defined["parts"]) =>
  Effect.map(
    Effect.forEach(parts, ([path, stamp]) => Effect.map(EnvFiles.stampAt(fileSystem, path), (now) => now === stamp)),
    (same) => same.every((one) => one)
  )
