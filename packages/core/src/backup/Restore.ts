/** Puts back what a backup has. What is newer here stays, unless that is asked for. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { writeWhole } from "../machine/writeWhole.ts"
import * as Archive from "./Archive.ts"
import { BackupFailed } from "./BackupError.ts"
import * as Gzip from "./Gzip.ts"
import * as Places from "./Places.ts"
import { hasTokens } from "./Secrets.ts"

export interface RestoreOptions {
  readonly dryRun: boolean
  /** Also replaces what is newer here; what was there is kept beside it. */
  readonly force: boolean
  /** Only files of these kinds; all without any. */
  readonly only: ReadonlyArray<Archive.Kind>
}

/**
 * `written`: it was not there. `replaced`: it was older here; `same`: nothing to do. `newer`: it is newer here, and stays.
 * `damaged`: its checksum is wrong. `noPlace`: this machine has none for it. `failed`: it could not be written.
 */
export type Result = "written" | "replaced" | "same" | "newer" | "damaged" | "noPlace" | "failed"

export interface Restored {
  readonly at: number
  readonly files: ReadonlyArray<{
    readonly kind: Archive.Kind
    readonly name: string
    readonly result: Result
    readonly detail: string | undefined
  }>
  /** What is wrong with the archive as a whole: it ends early, or a line cannot be read. */
  readonly problems: ReadonlyArray<string>
}

export const read = Effect.fn("Restore.read")(function* (file: string, { dryRun, force, only }: RestoreOptions) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const places = yield* Places.make
  const files: Array<Restored["files"][number]> = []
  const problems: Array<string> = []
  const seen: Array<Archive.Entry> = []
  let header: Archive.Header | undefined
  let end: Archive.End | undefined
  let number = 0

  const readable = (error: { readonly message: string }) =>
    new BackupFailed({ path: file, reason: "NotReadable", detail: error.message })
  yield* Effect.mapError(fs.access(file, { readable: true }), readable)

  const put = Effect.fnUntraced(function* (entry: Archive.Entry) {
    const told = (result: Result, detail?: string) => void files.push({ ...entry, result, detail })
    const bytes = Archive.bytesOf(entry)
    const { base64: _base64, text: _text, ...head } = entry
    seen.push(head)
    if (only.length > 0 && !only.includes(entry.kind)) return
    if (bytes === undefined || (yield* Archive.sha256(bytes)) !== entry.sha256) {
      return told("damaged", "its checksum is wrong")
    }
    const place = yield* places.of(entry.kind, entry.name)
    if (Option.isNone(place)) return told("noPlace", "lms-bridge reads no such file on this machine")
    const target = place.value
    const there = yield* Effect.option(Effect.all([fs.readFile(target), fs.stat(target)]))
    if (Option.isNone(there)) {
      const result = yield* dryRun ? Effect.succeed(Either.right(undefined)) : Effect.either(written(target, bytes))
      return Either.isRight(result) ? told("written") : told("failed", result.left.message)
    }
    const [now, info] = there.value
    if (areSame(now, bytes)) return told("same")
    const kept = keeps(entry, now, bytes, Number(Option.getOrUndefined(info.mtime) ?? 0))
    if (kept !== undefined && !force) return told("newer", kept)
    // what was there is not lost, because a person asked for it or because it is older
    const aside = `${target}.before-restore`
    const result = yield* dryRun
      ? Effect.succeed(Either.right(undefined))
      : Effect.either(Effect.zipRight(written(aside, now), written(target, bytes)))
    return Either.isRight(result)
      ? told("replaced", `what was there is in ${aside}`)
      : told("failed", result.left.message)
  })

  const written = (target: string, bytes: Uint8Array) =>
    fs
      .makeDirectory(path.dirname(target), { recursive: true, mode: 0o700 })
      .pipe(
        Effect.zipRight(writeWhole(target, bytes, { temporary: `${target}.restoring` })),
        Effect.provideService(FileSystem.FileSystem, fs)
      )

  const line = (text: string): Effect.Effect<void, BackupFailed> => {
    number += 1
    const found = Archive.read(text)
    if (number === 1 && found._tag !== "Header") {
      return Effect.fail(
        new BackupFailed({ path: file, reason: "NoBackup", detail: "its first line says something else." })
      )
    }
    switch (found._tag) {
      case "Header":
        header = found.header
        return Effect.void
      case "End":
        end = found.end
        return Effect.void
      case "Damaged":
        problems.push(`Line ${number} of it cannot be read.`)
        return Effect.void
      case "Entry":
        return put(found.entry)
    }
  }

  const lines = Gzip.decompressed(fs.stream(file)).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.filter((text) => text !== ""),
    Stream.mapError(readable)
  )
  const outcome = yield* Effect.either(Stream.runForEach(lines, line))
  if (header === undefined) {
    return yield* Either.isLeft(outcome) && outcome.left.reason === "NoBackup"
      ? outcome.left
      : new BackupFailed({ path: file, reason: "NoBackup", detail: "it is not what `lms-bridge backup` writes." })
  }
  if (end === undefined) problems.push(`It ends early: ${seen.length} files of it could be read.`)
  else if (end.files !== seen.length || end.sha256 !== (yield* Archive.sealOf(seen))) {
    problems.push("Its checksum is wrong: files are missing, or it was changed.")
  }
  const restored: Restored = { at: (header as Archive.Header).at, files, problems } // set in a callback
  return restored
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const areSame = (left: Uint8Array, right: Uint8Array) =>
  left.length === right.length && left.every((byte, index) => byte === right[index])

/** Why what is here stays. A journal only grows: the longer of two that begin alike is the newer one. */
const keeps = (entry: Archive.Entry, now: Uint8Array, archived: Uint8Array, changed: number): string | undefined => {
  if (entry.kind === "runs") {
    const [short, long] = now.length < archived.length ? [now, archived] : [archived, now]
    if (areSame(long.subarray(0, short.length), short)) {
      return now.length > archived.length ? "the run has gone on here" : undefined
    }
  }
  if (entry.kind === "logins" && entry.without !== undefined && hasTokens(new TextDecoder().decode(now))) {
    return "the login here has tokens, and the one in the backup has none"
  }
  // file systems keep times more or less exactly
  return changed > entry.changed + 1000 ? "it was changed here later" : undefined
}
