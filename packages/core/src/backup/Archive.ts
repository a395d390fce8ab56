/**
 * The archive of a backup: lines of JSON, compressed with gzip, so that `gunzip -c FILE` shows it. A header, a line for each
 * file with its checksum, and an end with the checksum of all. Pure but for the hash.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

export const Kind = Schema.Literal(
  "runs",
  "aliases",
  "models",
  "memory",
  "logins",
  "settings",
  "policy",
  "locks",
  "mcp"
)
export type Kind = typeof Kind.Type

export const Header = Schema.Struct({
  "lms-bridge-backup": Schema.Literal(1),
  /** Epoch milliseconds. */
  at: Schema.Number,
  /** Whether logins and configurations have their secrets. */
  secrets: Schema.Boolean
})
export type Header = typeof Header.Type

export const Entry = Schema.Struct({
  kind: Kind,
  /** Within its kind: a file's name, or for `locks` and `mcp` its path, with `~` for the home folder. */
  name: Schema.String,
  /** Epoch milliseconds of its last change. */
  changed: Schema.Number,
  sha256: Schema.String,
  /** The content; `base64` of what is no text. */
  text: optional(Schema.String),
  base64: optional(Schema.String),
  /** What was left out of it. */
  without: optional(Schema.String)
})
export type Entry = typeof Entry.Type

export const End = Schema.Struct({ files: Schema.Int, sha256: Schema.String })
export type End = typeof End.Type

export const headerLine = Schema.encodeSync(Schema.parseJson(Header))
export const entryLine = Schema.encodeSync(Schema.parseJson(Entry))
export const endLine = Schema.encodeSync(Schema.parseJson(End))

export type Line =
  | { readonly _tag: "Header"; readonly header: Header }
  | { readonly _tag: "Entry"; readonly entry: Entry }
  | { readonly _tag: "End"; readonly end: End }
  | { readonly _tag: "Damaged" }

export const read = (line: string): Line =>
  Either.match(Schema.decodeEither(AnyLine)(line), {
    onLeft: (): Line => ({ _tag: "Damaged" }),
    onRight: (found): Line =>
      "lms-bridge-backup" in found
        ? { _tag: "Header", header: found }
        : "kind" in found
          ? { _tag: "Entry", entry: found }
          : { _tag: "End", end: found }
  })

export const sha256 = (content: Uint8Array<ArrayBuffer>): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.digest("SHA-256", content)),
    (digest) => Encoding.encodeHex(new Uint8Array(digest))
  )

/** The checksum of all: of the names and checksums of the files, in their order. */
export const sealOf = (entries: ReadonlyArray<Pick<Entry, "kind" | "name" | "sha256">>): Effect.Effect<string> =>
  sha256(encoder.encode(entries.map(({ kind, name, sha256 }) => `${kind}/${name} ${sha256}\n`).join("")))

/** As text where it is text, whatever its bytes. */
export const contentOf = (bytes: Uint8Array): Pick<Entry, "base64" | "text"> => {
  try {
    return { text: decoder.decode(bytes) }
  } catch {
    return { base64: Encoding.encodeBase64(bytes) }
  }
}

/** None where there is no content that can be read. */
export const bytesOf = ({ base64, text }: Entry): Uint8Array<ArrayBuffer> | undefined => {
  if (text !== undefined) return encoder.encode(text)
  const decoded = base64 === undefined ? undefined : Either.getOrUndefined(Encoding.decodeBase64(base64))
  return decoded === undefined ? undefined : new Uint8Array(decoded)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const AnyLine = Schema.parseJson(Schema.Union(Header, Entry, End))

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
