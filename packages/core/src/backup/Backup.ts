/** Writes a backup: all that this person would miss, in one file with checksums. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { present } from "../schema/Fields.ts"
import * as EventLine from "../runs/EventLine.ts"
import * as Archive from "./Archive.ts"
import { BackupFailed } from "./BackupError.ts"
import * as Gzip from "./Gzip.ts"
import * as Places from "./Places.ts"
import * as Secrets from "./Secrets.ts"

export interface BackupOptions {
  /** With the tokens of logins, secret settings and the configurations of MCP servers. */
  readonly secrets: boolean
  /** Says what would be written, and writes nothing. */
  readonly dryRun: boolean
  /** Replaces a file that is there. */
  readonly force: boolean
}

export interface BackedUp {
  readonly files: ReadonlyArray<{
    readonly kind: Archive.Kind
    readonly name: string
    readonly bytes: number
    readonly without: string | undefined
  }>
  /** Files that were left out, and why. */
  readonly leftOut: ReadonlyArray<{ readonly name: string; readonly why: string }>
  /** Journals with lines that cannot be read; they are kept as they are. */
  readonly damaged: ReadonlyArray<{ readonly name: string; readonly lines: number }>
}

export const write = Effect.fn("Backup.write")(function* (file: string, { dryRun, force, secrets }: BackupOptions) {
  const fs = yield* FileSystem.FileSystem
  const places = yield* Places.make
  if (!force && !dryRun && (yield* Effect.orElseSucceed(fs.exists(file), () => false))) {
    return yield* new BackupFailed({ path: file, reason: "Exists", detail: "" })
  }
  const files: Array<BackedUp["files"][number]> = []
  const leftOut: Array<BackedUp["leftOut"][number]> = []
  const damaged: Array<BackedUp["damaged"][number]> = []
  const entries: Array<Archive.Entry> = []

  const entryOf = Effect.fnUntraced(function* ({ file, kind, name }: Places.Place) {
    const found = yield* Effect.either(Effect.all([fs.readFile(file), fs.stat(file)]))
    if (Either.isLeft(found)) {
      leftOut.push({ name: `${kind}/${name}`, why: found.left.message })
      return Option.none<Archive.Entry>()
    }
    const [raw, info] = found.right
    const content = Archive.contentOf(raw)
    const kept =
      secrets || content.text === undefined
        ? { text: content.text, without: undefined }
        : Secrets.bared(kind, content.text)
    if (kept === undefined || (kept.text === undefined && !secrets && isSecret(kind))) {
      leftOut.push({ name: `${kind}/${name}`, why: "it has secrets; --secrets keeps it" })
      return Option.none<Archive.Entry>()
    }
    if (kind === "runs") {
      const lines = unreadable(content.text)
      if (lines > 0) damaged.push({ name, lines })
    }
    const bytes = kept.text === undefined ? new Uint8Array(raw) : encoder.encode(kept.text)
    const entry: Archive.Entry = {
      kind,
      name,
      changed: Number(Option.getOrUndefined(info.mtime) ?? 0),
      sha256: yield* Archive.sha256(bytes),
      ...present({ text: kept.text, base64: kept.text === undefined ? content.base64 : undefined }),
      ...present({ without: kept.without })
    }
    files.push({ kind, name, bytes: bytes.length, without: kept.without })
    const { base64: _base64, text: _text, ...head } = entry
    entries.push(head)
    return Option.some(entry)
  })

  const header: Archive.Header = { "lms-bridge-backup": 1, at: yield* Clock.currentTimeMillis, secrets }
  const lines = Stream.make(Archive.headerLine(header)).pipe(
    Stream.concat(
      Stream.fromIterable(yield* places.all).pipe(
        Stream.mapEffect(entryOf),
        Stream.filterMap((entry) => entry),
        Stream.map(Archive.entryLine)
      )
    ),
    Stream.concat(
      Stream.fromEffect(
        Effect.suspend(() =>
          Effect.map(Archive.sealOf(entries), (sha256) => Archive.endLine({ files: entries.length, sha256 }))
        )
      )
    ),
    Stream.map((line) => `${line}\n`)
  )
  const result = (): BackedUp => ({ files, leftOut, damaged })
  if (dryRun) return yield* Effect.map(Stream.runDrain(lines), result)

  const notWritten = (error: { readonly message: string }) =>
    new BackupFailed({ path: file, reason: "NotWritten", detail: error.message })
  const temporary = `${file}.new`
  // whoever reads the backup reads runs, and maybe logins
  yield* Stream.run(Gzip.compressed(Stream.encodeText(lines)), fs.sink(temporary, { flag: "w", mode: 0o600 })).pipe(
    Effect.zipRight(fs.rename(temporary, file)),
    Effect.mapError(notWritten),
    Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
  )
  return result()
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encoder = new TextEncoder()

const isSecret = (kind: Archive.Kind) => kind === "logins" || kind === "mcp" || kind === "settings"

/** Lines of a journal that are no events. A last line without an end was being written. */
const unreadable = (text: string | undefined): number => {
  if (text === undefined) return 1
  const lines = text.split("\n")
  return lines.filter((line, index) => line !== "" && index < lines.length - 1 && EventLine.read(line) === undefined)
    .length
}
