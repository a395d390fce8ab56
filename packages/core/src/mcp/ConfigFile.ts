/**
 * One configuration file: read when `stat` or somebody who watches it says that it may have changed, and kept as it was
 * when it could last be read.
 *
 * @since 0.1.0
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Place } from "./ConfigPlaces.ts"
import * as McpConfig from "./McpConfig.ts"
import { McpConfigInvalid } from "./McpError.ts"
import type { ServersByName } from "./ServerDefinition.ts"

/**
 * A place where there is something, and how to tell whether it has changed; undefined when that cannot be told.
 *
 * @since 0.1.0
 * @category models
 */
export interface Seen {
  readonly place: Place
  readonly stamp: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ConfigFile extends Seen {
  /** Undefined when it could not be read. */
  readonly text: Redacted.Redacted | undefined
  /** As it was when it could last be read; undefined when it never could. */
  readonly servers: ServersByName | undefined
  readonly problem: McpConfigInvalid | undefined
}

type Content =
  | {
      readonly text: Redacted.Redacted
      readonly entries: ReadonlyArray<McpConfig.ConfigEntry>
      readonly problem: undefined
    }
  | {
      /** Undefined when it could not be read at all. */
      readonly text: Redacted.Redacted | undefined
      readonly entries: undefined
      readonly problem: McpConfigInvalid
    }

/**
 * What `stat` says of a place; undefined when there is nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const look = (fileSystem: FileSystem.FileSystem, place: Place): Effect.Effect<Seen | undefined> =>
  fileSystem.stat(place.path).pipe(
    Effect.map((info): Seen => ({ place, stamp: stampOf(info) })),
    Effect.catchAll((error) =>
      Effect.succeed<Seen | undefined>(isAbsent(error) ? undefined : { place, stamp: undefined })
    )
  )

/**
 * The file as it is now. `touched` says that it may have changed whatever its stamp says: two writes within the clock's
 * tick have the same. `define` makes servers of entries, the known ones where they are the same.
 *
 * @since 0.1.0
 * @category combinators
 */
export const refresh = Effect.fnUntraced(function* (options: {
  readonly fileSystem: FileSystem.FileSystem
  readonly seen: Seen
  readonly before: ConfigFile | undefined
  readonly touched: boolean
  readonly define: (
    entries: ReadonlyArray<McpConfig.ConfigEntry>,
    before: ServersByName | undefined
  ) => Effect.Effect<ServersByName>
}): Effect.fn.Return<ConfigFile> {
  const {
    before,
    fileSystem,
    seen: { place, stamp }
  } = options
  if (before !== undefined && !options.touched && stamp !== undefined && before.stamp === stamp) return before
  const { entries, problem, text } = yield* read(fileSystem, place)
  if (before?.text !== undefined && text !== undefined && Equal.equals(before.text, text)) return { ...before, stamp }
  if (entries !== undefined) {
    const servers = yield* options.define(entries, before?.servers)
    return { place, stamp, text, servers, problem: undefined }
  }
  const known = before?.problem?.message === problem.message
  const file: ConfigFile = {
    place,
    // permission may be given without a change that `stat` shows
    stamp: text === undefined ? undefined : stamp,
    text,
    // an editor may be in the middle of it: what was good stays in use until the file is good again
    servers: before?.servers,
    problem: known ? before.problem : problem
  }
  if (file.servers !== undefined && !known) yield* Effect.logWarning(problemOf(file))
  return file
})

/**
 * The entries of a file, or what is wrong with it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = Effect.fnUntraced(function* (
  fileSystem: FileSystem.FileSystem,
  { origin, path }: Place
): Effect.fn.Return<Content> {
  const found = yield* Effect.either(fileSystem.readFileString(path))
  if (Either.isLeft(found)) {
    const problem = new McpConfigInvalid({ path, reason: "NotReadable", detail: whyNot(found.left) })
    return { text: undefined, entries: undefined, problem }
  }
  const text = Redacted.make(found.right)
  return Either.match(McpConfig.parse(path, found.right, { mayHaveNone: origin === "Claude Desktop" }), {
    onLeft: (problem): Content => ({ text, entries: undefined, problem }),
    onRight: (entries): Content => ({ text, entries, problem: undefined })
  })
})

/**
 * Whether nothing in it is different, however often it was written.
 *
 * @since 0.1.0
 * @category getters
 */
export const isSame = (file: ConfigFile, before: ConfigFile | undefined): boolean =>
  file.servers === before?.servers && file.problem === before?.problem

/**
 * What is wrong with the file and what that means, in sentences.
 *
 * @since 0.1.0
 * @category getters
 */
export const problemOf = ({ problem, servers }: ConfigFile): string | undefined =>
  problem === undefined
    ? undefined
    : `${problem.message} ${servers === undefined ? "Nothing in it is used." : "Its last good version stays in use."}`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Changes whenever an editor writes in place or replaces the file by renaming another over it. */
const stampOf = (info: FileSystem.File.Info) =>
  [
    Option.match(info.mtime, { onNone: () => "", onSome: (time) => time.getTime() }),
    info.size,
    Option.getOrElse(info.ino, () => 0)
  ].join(" ")

type PlatformError = Effect.Effect.Error<ReturnType<FileSystem.FileSystem["stat"]>>

const isAbsent = (error: PlatformError) =>
  error._tag === "SystemError" && (error.reason === "NotFound" || /ENOTDIR/.test(error.message))

const whyNot = (error: PlatformError) =>
  error._tag === "SystemError" && error.reason === "PermissionDenied" ? "You may not read it." : error.message
