/** How much is read from others and from files, as data, so that endless input cannot exhaust memory. */
import type * as FileSystem from "@effect/platform/FileSystem"
import type { PlatformError } from "@effect/platform/Error"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Bytes = Schema.Int.pipe(Schema.positive())

/** Bytes. Input that exceeds a limit fails with a typed error; it is never silently truncated. */
export class ByteLimits extends Schema.Class<ByteLimits>("@lms-bridge/core/resilience/ByteLimits")({
  /** One reply from LM Studio, streamed or whole. */
  reply: Bytes,
  /** The journal of one run, when it is read. */
  journal: Bytes,
  /** One line of a journal. Of a longer tool result, only what the model was shown is kept. */
  journalLine: Bytes,
  /** A recording, when it is read. */
  cassette: Bytes,
  /** The policy file. */
  policyFile: Bytes
}) {}

const mebi = 1024 * 1024

export class CurrentByteLimits extends Context.Reference<CurrentByteLimits>()(
  "@lms-bridge/core/resilience/CurrentByteLimits",
  {
    defaultValue: () =>
      new ByteLimits({
        reply: 256 * mebi,
        journal: 256 * mebi,
        journalLine: 32 * mebi,
        cassette: 256 * mebi,
        policyFile: mebi
      })
  }
) {}

export class FileTooLarge extends Schema.TaggedError<FileTooLarge>()("FileTooLarge", {
  path: Schema.String,
  most: Schema.Int
}) {
  readonly retryable = false
  override get message() {
    return `${this.path} is larger than ${sizeOf(this.most)}, so it is not read.`
  }
}

/** A size in words, in binary units as LM Studio writes them: `312 B`, `4.1 KiB`, `256 MiB`. */
export const sizeOf = (bytes: number): string => {
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const size = bytes / 1024 ** power
  return `${power === 0 ? bytes : size < 10 ? Number(size.toFixed(1)) : Math.round(size)} ${units[power]}`
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const

/** The text of a file of at most `most` bytes. */
export const readText = (
  fs: FileSystem.FileSystem,
  path: string,
  most: number
): Effect.Effect<string, PlatformError | FileTooLarge> =>
  Effect.filterOrFail(
    fs.stat(path),
    ({ size }) => size <= BigInt(most),
    () => new FileTooLarge({ path, most })
  ).pipe(Effect.zipRight(fs.readFileString(path)))
