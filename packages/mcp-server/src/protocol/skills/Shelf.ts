/**
 * The skills that clients can read (SEP-2640): our own for delegating, and those of the user that the settings name and
 * that are as the specification of Agent Skills wants them. Each file has a URI, its digest and its size.
 */
import { Skills, type Skill as Found } from "@lms-bridge/core/Machine"
import { Delegate } from "@lms-bridge/core/McpConfig"
import { Settings } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { createHash } from "node:crypto"
import { name as serverName } from "../../About.ts"
import { type Child, type Entry, type Part, scheme } from "./SkillEntry.ts"

export const list: Effect.Effect<ReadonlyArray<Entry>, never, Settings> = Effect.suspend(() =>
  Effect.flatMap(books, (all) => Effect.forEach(all, entryOf, { concurrency: 4 }))
).pipe(Effect.map((entries) => entries.flatMap((entry) => (entry === undefined ? [] : [entry]))))

/** By the URI of its SKILL.md. */
export const get = (uri: string): Effect.Effect<Entry | undefined, never, Settings> =>
  Effect.flatMap(placeOf(uri), (place) => (place?.path === manifest ? entryOf(place.book) : Effect.succeed(undefined)))

export const read = (uri: string): Effect.Effect<Part | undefined, never, Settings> =>
  Effect.gen(function* () {
    const place = yield* placeOf(uri)
    if (place === undefined || !(yield* place.book.files).includes(place.path)) return undefined
    const bytes = yield* place.book.content(place.path)
    if (Option.isNone(bytes)) return undefined
    const mimeType = mimeOf(place.path)
    return Option.match(textIn(bytes.value), {
      onSome: (text) => ({ uri, mimeType, text }),
      onNone: () => ({ uri, mimeType, blob: Buffer.from(bytes.value).toString("base64") })
    })
  })

/** What is in a folder; undefined if the URI is that of no folder. */
export const directory = (uri: string): Effect.Effect<ReadonlyArray<Child> | undefined, never, Settings> =>
  Effect.gen(function* () {
    const place = yield* placeOf(uri)
    if (place === undefined) return undefined
    const prefix = place.path === "" ? "" : `${place.path}/`
    const below = (yield* place.book.files).flatMap((file) =>
      file.startsWith(prefix) ? [file.slice(prefix.length)] : []
    )
    if (below.length === 0) return undefined
    return [...new Set(below.map((file) => file.split("/")[0] ?? ""))].map((name) => ({
      uri: uriOf(place.book.name, `${prefix}${name}`),
      name,
      mimeType: below.includes(name) ? mimeOf(name) : "inode/directory"
    }))
  })

/** Our own. */
export const own = Delegate.skillOf(serverName)

export const ownUri = `${scheme}${own.name}/SKILL.md`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What every client has to take (SEP-2640). */
const most = { files: 512, bytes: 16 * 1024 * 1024 }

const manifest = "SKILL.md"

interface Book {
  readonly name: string
  readonly frontmatter: Readonly<Record<string, unknown>>
  /** Relative to its folder, with slashes. */
  readonly files: Effect.Effect<ReadonlyArray<string>>
  readonly content: (file: string) => Effect.Effect<Option.Option<Uint8Array>>
}

const ownBook: Book = {
  name: own.name,
  frontmatter: { name: own.name, description: own.description },
  files: Effect.succeed([manifest]),
  content: () => Effect.succeedSome(new TextEncoder().encode(own.text))
}

const books = Effect.gen(function* () {
  const skills = yield* Skills
  const { skills: wanted } = yield* Settings
  const bookOf = (skill: Found): ReadonlyArray<Book> =>
    skill.frontmatter === undefined || skill.name === own.name
      ? []
      : [
          {
            name: skill.name,
            frontmatter: skill.frontmatter,
            files: skills.files(skill),
            content: (file) => Effect.map(skills.read(skill, file), Either.getRight)
          }
        ]
  return [ownBook, ...(yield* skills.lasting(wanted)).flatMap(bookOf)]
})

/** Undefined for a skill that is larger than clients have to take. */
const entryOf = Effect.fnUntraced(function* (book: Book): Effect.fn.Return<Entry | undefined> {
  const files = yield* book.files
  if (files.length > most.files) return undefined
  let total = 0
  const resources: Array<Entry["resources"][number]> = []
  for (const file of files) {
    const bytes = yield* book.content(file)
    if (Option.isNone(bytes)) continue
    const { length: size } = bytes.value
    total += size
    if (total > most.bytes) return undefined
    const digest = `sha256:${createHash("sha256").update(bytes.value).digest("hex")}`
    resources.push({ uri: uriOf(book.name, file), digest, size })
  }
  return { uri: uriOf(book.name, manifest), frontmatter: book.frontmatter, resources }
})

const uriOf = (skill: string, file: string) =>
  `${scheme}${[skill, ...file.split("/")].map(encodeURIComponent).join("/")}`

/** The skill in which a URI lies, and the path within it; "" is its folder. */
const placeOf = (uri: string) =>
  Effect.map(books, (all) => {
    if (!uri.startsWith(scheme)) return undefined
    const segments = uri.slice(scheme.length).split("/").map(decoded)
    const [name, ...path] = segments
    const book = all.find((book) => book.name === name)
    // written in another way it would be another URI
    if (
      book === undefined ||
      segments.includes("") ||
      uri !== `${scheme}${segments.map((part) => encodeURIComponent(part ?? "")).join("/")}`
    )
      return undefined
    return { book, path: path.join("/") }
  })

const decoded = (segment: string): string | undefined =>
  /%(?![\da-f]{2})/i.test(segment)
    ? undefined
    : Option.getOrUndefined(Option.liftThrowable(decodeURIComponent)(segment))

/** The text with all of its bytes, so that a client finds the same digest. */
const textIn = (bytes: Uint8Array): Option.Option<string> =>
  Option.liftThrowable((value: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value))(
    bytes
  )

const mimeOf = (file: string): string => mimeTypes.get(/\.([a-z0-9]+)$/i.exec(file)?.[1]?.toLowerCase() ?? "") ?? other

const other = "text/plain"

const mimeTypes = new Map([
  ["md", "text/markdown"],
  ["json", "application/json"],
  ["yaml", "application/yaml"],
  ["yml", "application/yaml"],
  ["html", "text/html"],
  ["csv", "text/csv"],
  ["js", "text/javascript"],
  ["mjs", "text/javascript"],
  ["py", "text/x-python"],
  ["sh", "application/x-sh"],
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["svg", "image/svg+xml"],
  ["pdf", "application/pdf"],
  ["zip", "application/zip"]
])
